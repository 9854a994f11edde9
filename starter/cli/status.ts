/** `npm run status -- BATCH`: how far a batch is, and what failed. */
import { loadConfig } from '../../common/config';
import { batchProgress } from '../core/batch';
import { checkBatchId } from '../../temporal/batches/query';
import { summariseRuns } from '../core/summary';
import { Session } from './session';
import { coloursFor } from './ui/colours';
import { EXIT, runCommand } from './ui/command';
import { formatBytes, formatCount } from './ui/format';
import { command } from './ui/options';
import { failureLines } from './ui/summary';
import { createView } from './ui/view';

async function main(): Promise<number> {
  const parser = command('status', 'How far a batch is, and what failed.')
    .argument('<batch>', 'its id')
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(process.argv);
  const batchId = checkBatchId(parser.args[0] ?? '');
  const { json } = parser.opts<{ json: boolean }>();
  const config = loadConfig();
  const view = createView(json);
  const session = await Session.open(config, {}, (line) => view.note(line));
  try {
    const progress = await batchProgress(session.client, session.queuePrefix, batchId);
    const runs = await summariseRuns(session.client, batchId);
    const { completed, running, waiting, unserved } = progress;
    const { failures, failureCount: failed, bytesIn, bytesOut } = runs;
    const url = session.batchUrl(batchId);
    if (completed + failed + progress.open === 0) {
      view.note(`There is no batch "${batchId}" that the server remembers.`);
      return EXIT.failed;
    }
    if (json) {
      process.stdout.write(
        `${JSON.stringify({ batchId, completed, failed, running, waiting, unserved, bytesIn, bytesOut, url, failures })}\n`,
      );
      return EXIT.ok;
    }
    const counts = { completed, failed, running, waiting };
    const colours = coloursFor(process.stdout, config.noColor !== undefined);
    const lines = [colours.bold(`Batch ${batchId}`)];
    for (const [name, count] of Object.entries(counts)) lines.push(`  ${name.padEnd(9)} ${formatCount(count)}`);
    if (bytesIn > 0) lines.push(`  ${'bytes'.padEnd(9)} ${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`);
    if (unserved.length > 0) lines.push(`  No worker serves ${unserved.join(', ')}.`);
    if (url !== undefined) lines.push(`  ${'web ui'.padEnd(9)} ${url}`);
    process.stdout.write(`${[...lines, ...failureLines({ failures, failed }, colours)].join('\n')}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

runCommand(main);
