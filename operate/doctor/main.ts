/** `npm run doctor`: what is installed, reachable and missing, and how to mend it. Exit code 1 when something is missing. */
import { Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../../common/config';
import { duration } from '../../common/config/parse';
import { diagnose, format, healthy } from '.';
import { messageOf, toStderr } from '../../local/embedded/report';
import { examineBacklog, formatBacklog } from '../../starter/backlog';
import { DEFAULT_LIMITS } from '../../starter/backlog/types';

const program = new Command('doctor')
  .description('Checks each dependency of Darkroom and says how to fix what is missing or broken.')
  // `doctor backlog --json` is the subcommand's option.
  .enablePositionalOptions()
  .option('--json', 'one JSON object on stdout')
  .action(async ({ json }: { json?: boolean }) => {
    const results = await diagnose();
    const fine = healthy(results);
    process.stdout.write(json ? `${JSON.stringify({ healthy: fine, checks: results })}\n` : `${format(results)}\n`);
    if (!fine) process.exitCode = 1;
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
    if (!fine) process.exitCode = 1;
  });

function seconds(text: string): number {
  try {
    return duration(text) / 1000;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

program.parseAsync().catch((error: unknown) => {
  toStderr(messageOf(error));
  process.exitCode = 1;
});
