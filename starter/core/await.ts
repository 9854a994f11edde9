import type { Client } from '@temporalio/client';
import type { ItemResult } from '../../common/contracts';
import { batchProgress, type BatchProgress, type KnownSlots } from './batch';
import { retrying } from '../../temporal/grpc';
import { sleepUnlessAborted } from '../../common/sleep';

const POLL_MS = 1_000;
/** Visibility is behind by up to some seconds: without better knowledge, a picture that stays the same for this long is final. */
const SETTLED_MS = 2_000;
/** ms after which runs that are nowhere to be seen are given up: the server has forgotten them. */
const LOST_MS = 8_000;

export interface AwaitBatchOptions {
  queuePrefix: string;
  /** Start of the submission, by the server's clock. Default: every run counts. */
  since?: () => Date;
  /** False while more will be submitted. */
  isFinal?: () => boolean;
  /** Asked while no run is open: are all items accounted for? Default: nobody knows, see SETTLED_MS. */
  isComplete?: () => Promise<boolean>;
  slots?: KnownSlots;
  onProgress?: (progress: BatchProgress) => void;
  /** Called when the server does not answer; it is asked again until it does. */
  onWait?: (error: unknown) => void;
  signal?: AbortSignal;
  /** ms between two looks. */
  pollMs?: number;
}

/**
 * Waits until no run of the batch is open, by counting: the cost is the same for ten items and a million.
 * @throws the signal's reason on abort
 */
export async function awaitBatch(client: Client, batchId: string, options: AwaitBatchOptions): Promise<BatchProgress> {
  const { queuePrefix, since, signal, onWait, isComplete, isFinal = () => true } = options;
  const patience = { signal, onWait, limitMs: Infinity };
  let settledSince: number | undefined;
  let closedBefore = -1;
  for (;;) {
    const final = isFinal();
    const look = () => batchProgress(client, queuePrefix, batchId, since?.(), options.slots);
    const progress = await retrying(look, patience);
    options.onProgress?.(progress);
    const closed = progress.completed + progress.failed + progress.cancelled;
    const settled = final && progress.open === 0;
    if (!settled || closed !== closedBefore) settledSince = undefined;
    closedBefore = closed;
    if (settled) {
      settledSince ??= Date.now();
      if (isComplete !== undefined && (await retrying(isComplete, patience))) return progress;
      if (Date.now() - settledSince >= (isComplete === undefined ? SETTLED_MS : LOST_MS)) return progress;
    }
    await sleepUnlessAborted(options.pollMs ?? POLL_MS, signal);
  }
}

/**
 * Waits for one item, or another workflow with a result, through retries and restarts of the server.
 * @returns undefined when `timeoutMs` passed first
 * @throws WorkflowFailedError when it failed; `describeFailure(error.cause)` puts it into words
 */
export async function awaitItem<Result = ItemResult>(
  client: Client,
  workflowId: string,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Result | undefined> {
  const timeout = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([timeout, options.signal].filter((each) => each !== undefined));
  const result = (): Promise<Result> =>
    client.withAbortSignal(signal, () => client.workflow.getHandle(workflowId).result() as Promise<Result>);
  try {
    return await retrying(result, { signal, limitMs: Infinity });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout?.aborted) return undefined;
    throw error;
  }
}
