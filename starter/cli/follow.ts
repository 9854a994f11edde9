import { awaitBatch } from '../core/await';
import type { BatchProgress } from '../core/batch';
import type { ItemFailure } from '../core/failure';
import { retrying } from '../core/lib/grpc';
import type { Tally } from '../core/stream';
import { MAX_FAILURES, summariseRuns } from '../core/summary';
import type { Session } from './session';
import { RateMeter } from './ui/rate';
import type { Summary } from './ui/summary';
import type { View } from './ui/view';

/** ms of patience before a queue without workers is told of: a worker that just starts needs a moment. */
const UNSERVED_AFTER_MS = 4_000;

/** A submission under way, as the one who follows it sees it. */
export interface Submission {
  batchId: string;
  outputs: string;
  tally: Tally;
  /** What was refused before it became an item. */
  refused: ItemFailure[];
  /** Nothing more will be submitted. */
  final: boolean;
  /** Ours. */
  startedAt: Date;
  /** The same moment by the server's clock. */
  since: Date;
}

/** Shows a batch until its last item has closed. @throws the signal's reason on abort */
export async function followBatch(
  session: Session,
  view: View,
  submission: Submission,
  stop: AbortSignal,
): Promise<void> {
  const rate = new RateMeter();
  const warn = unservedWarner(view, submission.startedAt.getTime());
  let away = false;
  await awaitBatch(session.client, submission.batchId, {
    queuePrefix: session.queuePrefix,
    since: () => submission.since,
    signal: stop,
    slots: session.slots,
    expected: () => ({ items: accepted(submission.tally), final: submission.final }),
    onWait: () => {
      if (!away) view.note('Temporal does not answer; waiting for it.');
      away = true;
    },
    onProgress: (progress) => {
      away = false;
      warn(progress);
      showProgress(view, rate, submission, progress);
    },
  });
}

function accepted({ started, joined }: Tally): number {
  return started + joined;
}

function showProgress(view: View, rate: RateMeter, { tally, final }: Submission, progress: BatchProgress): void {
  const { cancelled, running, waiting } = progress;
  const completed = Math.min(progress.completed, accepted(tally));
  const closed = completed + progress.failed + cancelled;
  rate.add(Date.now(), closed);
  // The counts are a moment behind what was submitted; what is not counted yet waits.
  const total = Math.max(accepted(tally), closed + progress.open);
  view.progress({
    done: completed + tally.skipped,
    failed: progress.failed + cancelled + tally.rejected,
    running,
    waiting: waiting + (total - closed - progress.open),
    skipped: tally.skipped,
    total: total + tally.skipped + tally.rejected,
    final,
    itemsPerSecond: rate.perSecond,
    etaSeconds: rate.secondsFor(total - closed),
  });
}

/** Tells once which queues nobody serves, and again when that has changed. */
function unservedWarner(view: View, startedAt: number): (progress: BatchProgress) => void {
  let told = '';
  return ({ unserved }) => {
    const names = unserved.join(', ');
    if (names === told || Date.now() - startedAt < UNSERVED_AFTER_MS) return;
    told = names;
    view.note(
      names === ''
        ? 'A worker is there now.'
        : `No worker serves ${names}; waiting for one (npm run worker starts one).`,
    );
  };
}

/** Counts, times and failures of everything that this submission did. */
export async function summarise(session: Session, submission: Submission, waited: boolean): Promise<Summary> {
  const seconds = (Date.now() - submission.startedAt.getTime()) / 1000;
  const { batchId, tally, refused, outputs, since } = submission;
  const runs = waited ? await retrying(() => summariseRuns(session.client, batchId, since)) : undefined;
  const percentile = (share: number): number | null => {
    const ms = runs?.latency.percentile(share);
    return ms === undefined ? null : Math.round(ms);
  };
  // An item may be found published a moment before its run is closed: then it is skipped, and its run none of ours.
  const completed = Math.min(runs?.latency.count ?? 0, accepted(tally));
  return {
    batchId,
    submitted: accepted(tally),
    completed,
    failed: tally.rejected + (runs?.failureCount ?? 0),
    skipped: tally.skipped,
    seconds: Math.round(seconds * 10) / 10,
    itemsPerSecond: Math.round((completed / Math.max(seconds, 0.001)) * 100) / 100,
    latencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
    bytesIn: runs?.bytesIn ?? 0,
    bytesOut: runs?.bytesOut ?? 0,
    outputs,
    failures: [...refused, ...(runs?.failures ?? [])].slice(0, MAX_FAILURES),
  };
}
