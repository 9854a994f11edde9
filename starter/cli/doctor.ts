/** `npm run doctor`: what is installed, reachable and missing, and how to mend it. Exit code 1 when something is missing. */
import { Command } from 'commander';
import { diagnose, format, healthy } from '../doctor';
import { messageOf, toStderr } from '../embedded/report';

const program = new Command('doctor')
  .description('Names each part that Darkroom needs: there, missing or broken, and how to mend it.')
  .option('--json', 'one JSON object on stdout')
  .action(async ({ json }: { json?: boolean }) => {
    const results = await diagnose();
    const fine = healthy(results);
    process.stdout.write(json ? `${JSON.stringify({ healthy: fine, checks: results })}\n` : `${format(results)}\n`);
    if (!fine) process.exitCode = 1;
  });
// Further examinations (`npm run doctor -- backlog`) become subcommands here.

program.parseAsync().catch((error: unknown) => {
  toStderr(messageOf(error));
  process.exitCode = 1;
});
