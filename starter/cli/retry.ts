/** `npm run retry -- BATCH`: runs the failed items of a batch again (with --cancelled, the cancelled ones), and waits for them. */
import { loadConfig } from '../../common/config';
import { checkBatchId } from '../../temporal/batches/query';
import { retryBatch } from '../core/retry';
import { requireBatch } from '../core/summary';
import { alignClock, followBatch, newSubmission } from './follow';
import { Session } from './session';
import { coloursFor } from './ui/colours';
import { EXIT, runCommand } from './ui/command';
import { formatCount } from './ui/format';
import { command } from './ui/options';
import { Outages, patienceFor } from './ui/outages';
import { isGood, summaryOf, summaryText } from './ui/summary';
import { createView } from './ui/view';

async function main(stop: AbortSignal): Promise<number> {
  const parser = command('retry', 'Runs the failed or cancelled items of a batch again.')
    .argument('<batch>', 'its id')
    .option('--cancelled', 'the cancelled items instead of the failed ones', false)
    .option('--json', 'progress as JSON lines on stderr, the summary as the last line on stdout', false)
    .option('--no-wait', 'start them and leave');
  parser.parse(process.argv);
  const batchId = checkBatchId(parser.args[0] ?? '');
  const { json, wait, cancelled } = parser.opts<{ json: boolean; wait: boolean; cancelled: boolean }>();
  const state = cancelled ? 'cancelled' : 'failed';
  const config = loadConfig();
  const view = createView(json);
  const report = (line: string): void => view.note(line);
  const outages = new Outages(report);
  const session = await Session.open(config, {}, report, patienceFor(outages, stop));
  outages.passed();
  try {
    await requireBatch(session.client, batchId);
    const submission = newSubmission(batchId, '', outages);
    submission.final = true;
    const { restarted, outputs = '' } = await retryBatch(session, batchId, state, {
      onRestarted: (itemKey, runId) => {
        submission.ledger.accept(itemKey, runId);
        alignClock(session.client, submission, itemKey);
      },
      onProgress: (asked, of) => view.step('restarted', asked, of),
      signal: stop,
    });
    submission.tally.started = restarted;
    submission.outputs = outputs;
    view.note(
      `${formatCount(restarted)} ${state} items run again: ${session.batchUrl(batchId) ?? session.server.address}`,
    );
    if (wait && restarted > 0) {
      if (session.embedded) await session.startWorker(report);
      await followBatch(session, view, submission, stop);
    }
    view.end();
    const summary = summaryOf(submission);
    const text = summaryText(summary, coloursFor(process.stdout, config.noColor !== undefined), wait);
    process.stdout.write(`${json ? JSON.stringify(summary) : text}\n`);
    return isGood(summary, wait) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    view.end();
    throw error;
  } finally {
    await session.close();
  }
}

runCommand(main);
