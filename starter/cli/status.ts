/** `npm run status -- BATCH`: how far a batch is, and what failed. */
import { loadConfig } from '../../common/config';
import { batchProgress } from '../core/batch';
import { checkBatchId } from '../../temporal/batches/query';
import { requireBatch, summariseBatch } from '../core/summary';
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
    const { client, queuePrefix } = session;
    await requireBatch(client, batchId);
    const [progress, { ends, open }] = await Promise.all([
      batchProgress(client, queuePrefix, batchId),
      summariseBatch(client, batchId),
    ]);
    const { completed, failed, cancelled, bytesIn, bytesOut, failures } = ends;
    const paused = Math.min(progress.paused, open);
    const running = Math.min(progress.running, open - paused);
    const counts = { items: completed + failed + cancelled + open, completed, failed, cancelled };
    const state = { ...counts, running, waiting: open - running - paused, paused };
    const { unserved } = progress;
    const url = session.batchUrl(batchId);
    if (json) {
      process.stdout.write(`${JSON.stringify({ batchId, ...state, unserved, bytesIn, bytesOut, url, failures })}\n`);
      return EXIT.ok;
    }
    const colours = coloursFor(process.stdout, config.noColor !== undefined);
    const lines = [colours.bold(`Batch ${batchId}`)];
    for (const [name, count] of Object.entries(state)) lines.push(`  ${name.padEnd(9)} ${formatCount(count)}`);
    if (bytesIn > 0) lines.push(`  ${'bytes'.padEnd(9)} ${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`);
    if (unserved.length > 0) lines.push(`  No worker serves ${unserved.join(', ')}.`);
    if (url !== undefined) lines.push(`  ${'web ui'.padEnd(9)} ${url}`);
    process.stdout.write(`${[...lines, ...failureLines(failures, failed + cancelled, colours)].join('\n')}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

runCommand(main);
