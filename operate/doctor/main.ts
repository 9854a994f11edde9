/** `npm run doctor`: what is installed, reachable and missing, and how to fix it. Exit code 1: something is missing; 2: wrong arguments. */
import { InvalidArgumentError } from 'commander';
import { loadConfig } from '../../common/config';
import { duration } from '../../common/config/parse';
import { diagnose, format, healthy } from '.';
import { examineBacklog, formatBacklog } from '../../starter/backlog';
import { DEFAULT_LIMITS } from '../../starter/backlog/types';
import { EXIT, runCommand } from '../../starter/cli/ui/command';
import { command } from '../../starter/cli/ui/options';

let code: number = EXIT.ok;
const program = command('doctor', 'Checks each dependency of Darkroom and says how to fix what is missing or broken.')
  // `doctor backlog --json` is the subcommand's option.
  .enablePositionalOptions()
  .option('--json', 'one JSON object on stdout')
  .action(async ({ json }: { json?: boolean }) => {
    const results = await diagnose();
    const fine = healthy(results);
    process.stdout.write(json ? `${JSON.stringify({ healthy: fine, checks: results })}\n` : `${format(results)}\n`);
    if (!fine) code = EXIT.failed;
  });

program
  .command('backlog')
  .description('Says why messages back up: what was measured, the cause, and the command that fixes it.')
  .option('--json', 'one JSON object on stdout')
  .option('--patience <duration>', 'work that waits for less is no backlog', seconds, DEFAULT_LIMITS.patienceSeconds)
  .action(async ({ json, patience }: { json?: boolean; patience: number }) => {
    const { evidence, findings } = await examineBacklog(loadConfig(), { ...DEFAULT_LIMITS, patienceSeconds: patience });
    const fine = findings.length === 0;
    const text = json ? JSON.stringify({ healthy: fine, findings, evidence }) : formatBacklog(evidence, findings);
    process.stdout.write(`${text}\n`);
    if (!fine) code = EXIT.failed;
  });

function seconds(text: string): number {
  try {
    return duration(text) / 1000;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

runCommand(async () => {
  await program.parseAsync();
  return code;
});
