/** `npm run retry -- BATCH`: runs the failed items of a batch again, with the input they had, and waits for them. */
import { loadConfig } from '../../common/config';
import { checkBatchId } from '../../temporal/batches/query';
import { retryBatch } from '../core/retry';
import { emptyTally } from '../core/stream';
import { followBatch, summarise, type Submission } from './follow';
import { Session } from './session';
import { coloursFor } from './ui/colours';
import { EXIT, runCommand } from './ui/command';
import { formatCount } from './ui/format';
import { command } from './ui/options';
import { summaryText } from './ui/summary';
import { createView } from './ui/view';

async function main(stop: AbortSignal): Promise<number> {
  const parser = command('retry', 'Runs the failed items of a batch again.')
    .argument('<batch>', 'its id')
    .option('--json', 'progress as JSON lines on stderr, the summary as the last line on stdout', false)
    .option('--no-wait', 'start them and leave');
  parser.parse(process.argv);
  const batchId = checkBatchId(parser.args[0] ?? '');
  const { json, wait } = parser.opts<{ json: boolean; wait: boolean }>();
  const config = loadConfig();
  const view = createView(json);
  const report = (line: string): void => view.note(line);
  const session = await Session.open(config, {}, report);
  try {
    const startedAt = new Date();
    const { restarted, outputs = '' } = await retryBatch(session, batchId);
    const tally = { ...emptyTally(), started: restarted };
    const submission: Submission = { batchId, outputs, tally, refused: [], final: true, startedAt, since: startedAt };
    view.note(
      `${formatCount(restarted)} failed items run again: ${session.batchUrl(batchId) ?? session.server.address}`,
    );
    if (wait && restarted > 0) {
      if (session.embedded) await session.startWorker(report);
      await followBatch(session, view, submission, stop);
    }
    const summary = await summarise(session, submission, wait);
    view.end();
    const text = summaryText(summary, coloursFor(process.stdout, config.noColor !== undefined), wait);
    process.stdout.write(`${json ? JSON.stringify(summary) : text}\n`);
    return summary.failed > 0 ? EXIT.failed : EXIT.ok;
  } catch (error) {
    view.end();
    throw error;
  } finally {
    await session.close();
  }
}

runCommand(main);
