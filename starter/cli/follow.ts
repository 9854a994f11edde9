import type { Client } from '@temporalio/client';
import { workflowId } from '../../common/contracts';
import { awaitBatch } from '../core/await';
import type { BatchProgress } from '../core/batch';
import { clockSkew } from '../core/clock';
import { emptyTally } from '../core/intake';
import { Ledger } from '../core/ledger';
import { countEnds, Ends } from '../core/summary';
import type { Session } from './session';
import type { Outages } from './ui/outages';
import type { Progress } from './ui/progress-line';
import { RateMeter } from './ui/rate';
import type { Account } from './ui/summary';
import type { View } from './ui/view';

/** ms of patience before a queue without workers is told of: a worker that just starts needs a moment. */
const UNSERVED_AFTER_MS = 4_000;

/** A submission under way, as the one who follows it sees it. */
export interface Submission extends Account {
  ledger: Ledger;
  outages: Outages;
  /** Nothing more will be submitted. */
  final: boolean;
  /** Called for each file of a folder that is no media by its name; `ignored` counts them. */
  onIgnored?: (uri: string) => void;
  /** `startedAt` by the server's clock, as far as it `isAligned`. */
  since: Date;
  isAligned?: boolean;
}

export function newSubmission(batchId: string, outputs: string, outages: Outages): Submission {
  const now = new Date();
  return {
    ...{ batchId, outputs, tally: emptyTally(), refused: [], ignored: 0, startedAt: now, since: now, final: false },
    ...{ ledger: new Ledger(), ends: new Ends(), outages },
  };
}

/** Learns from a run that was started just now how the server's clock differs from ours. */
export function alignClock(client: Client, submission: Submission, itemKey: string): void {
  const { batchId, startedAt } = submission;
  if (submission.isAligned) return;
  submission.isAligned = true;
  void clockSkew(client, workflowId(batchId, itemKey)).then(
    (skew) => void (submission.since = new Date(startedAt.getTime() + skew)),
    // Then the two clocks count as one.
    () => {},
  );
}

/** Shows a batch until the last item of the submission has ended, and counts the ends. @throws the signal's reason on abort */
export async function followBatch(
  session: Session,
  view: View,
  submission: Submission,
  stop: AbortSignal,
): Promise<void> {
  const { batchId, ledger, ends, outages } = submission;
  const rate = new RateMeter();
  const warn = unservedWarner(view, submission.startedAt.getTime());
  await awaitBatch(session.client, batchId, {
    queuePrefix: session.queuePrefix,
    since: () => submission.since,
    signal: stop,
    slots: session.slots,
    isFinal: () => submission.final,
    isComplete: async () => {
      await countEnds(session.client, batchId, submission.since, ledger, ends);
      return ledger.open === 0;
    },
    onWait: (error) => outages.failing(error),
    onProgress: (progress) => {
      outages.passed('Temporal');
      warn(progress);
      view.progress(progressOf(submission, progress, rate));
    },
  });
}

/**
 * The figures of one look. What the server counts is a moment behind, and has runs of the batch that are not of this
 * submission, so it is held within what was accepted: each item is counted once.
 */
export function progressOf(
  { tally, final, outages }: Pick<Submission, 'tally' | 'final' | 'outages'>,
  look: Pick<BatchProgress, 'completed' | 'failed' | 'cancelled' | 'open' | 'running' | 'paused'>,
  rate: RateMeter,
): Progress {
  const accepted = tally.started + tally.joined;
  const open = Math.min(accepted, Math.max(look.open, accepted - look.completed - look.failed - look.cancelled));
  const failed = Math.min(look.failed + look.cancelled, accepted - open);
  rate.add(Date.now(), accepted - open);
  const paused = Math.min(look.paused, open);
  const running = Math.min(look.running, open - paused);
  return {
    done: accepted - open - failed + tally.skipped,
    failed: failed + tally.rejected,
    ...{ running, paused, waiting: open - paused - running, skipped: tally.skipped },
    total: accepted + tally.skipped + tally.rejected,
    final,
    itemsPerSecond: rate.perSecond,
    etaSeconds: rate.secondsFor(open - paused),
    outage: outages.current,
  };
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
