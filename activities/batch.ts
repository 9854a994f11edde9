import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { countBatch, countItems } from '../temporal/batches/count';
import type { BatchTotals, BatchWatch } from '../common/webhooks';
import type { ActivityDeps } from './deps';

/** ms. The visibility store is behind by some seconds: only a picture that stays the same for so long is final. */
const SETTLED_MS = 5_000;
/** ms, while it shows fewer runs than were started: it lags, or has forgotten the oldest of a long batch already. */
const SETTLED_FEWER_MS = 30_000;

/** Runs looked through at a batch's end, so that each item is counted once: some seconds. */
const MAX_LISTED = 100_000;

/**
 * The figures of a batch of which nothing is open any more. One look, which takes some milliseconds; where something is
 * open, the attempt fails and Temporal asks again later. So a batch that takes days holds no slot of a worker, adds nothing
 * to the history, and shows in the Web UI what it waits for.
 * @throws ApplicationFailure, a benign one, while items are open
 */
export async function awaitBatch(_deps: ActivityDeps, { batchId, runs }: BatchWatch): Promise<BatchTotals> {
  const context = Context.current();
  const { client } = context;
  const first = await countBatch(client, batchId);
  const ended = first.completed + first.failed + first.cancelled;
  if (first.open > 0) throw stillOpen(first.open, ended + first.open);
  await context.sleep(ended >= runs ? SETTLED_MS : SETTLED_FEWER_MS);
  const second = await countBatch(client, batchId);
  const now = second.completed + second.failed + second.cancelled;
  if (second.open > 0 || now !== ended) throw stillOpen(second.open, now + second.open);
  const { completed: succeeded, failed, cancelled } = await countItems(client, batchId, second, MAX_LISTED);
  return { items: succeeded + failed + cancelled, succeeded, failed, cancelled };
}

function stillOpen(open: number, all: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'StillOpen',
    message: `${open} of ${all} runs are open.`,
    // Nothing went wrong: no metric and no log line is to say so.
    category: ApplicationFailureCategory.BENIGN,
  });
}
