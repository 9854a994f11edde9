import type { Client } from '@temporalio/client';
import type { ItemResult } from '../../common/contracts';
import { batchProgress, type BatchProgress, type KnownSlots } from './batch';
import { retrying } from './lib/grpc';
import { sleepUnlessAborted } from './lib/sleep';

const POLL_MS = 1_000;
/** Visibility is behind by up to some seconds: only a picture that stays the same for this long is final. */
const SETTLED_MS = 2_000;
/** An item that was asked for twice is one run, so fewer runs than items may come; then this long is enough. */
const SETTLED_FEWER_MS = 8_000;

export interface AwaitBatchOptions {
  queuePrefix: string;
  /** Start of the submission, by the server's clock. Default: every run counts. */
  since?: () => Date;
  /** Items submitted so far, and whether more will come. Default: whatever the server knows. */
  expected?: () => { items: number; final: boolean };
  slots?: KnownSlots;
  onProgress?: (progress: BatchProgress) => void;
  /** Told when the server does not answer; it is asked again until it does. */
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
  const { queuePrefix, since, signal, onWait } = options;
  let settledSince: number | undefined;
  let closedBefore = -1;
  for (;;) {
    const { items, final } = options.expected?.() ?? { items: 0, final: true };
    const progress = await retrying(() => batchProgress(client, queuePrefix, batchId, since?.(), options.slots), {
      signal,
      onWait,
      limitMs: Infinity,
    });
    options.onProgress?.(progress);
    const closed = progress.completed + progress.failed + progress.cancelled;
    const settled = final && progress.open === 0;
    if (!settled || closed !== closedBefore) settledSince = undefined;
    closedBefore = closed;
    if (settled) {
      settledSince ??= Date.now();
      // All are accounted for: nothing can come any more.
      if (closed >= items && options.expected !== undefined) return progress;
      const needed = options.expected === undefined ? SETTLED_MS : SETTLED_FEWER_MS;
      if (Date.now() - settledSince >= needed) return progress;
    }
    await sleepUnlessAborted(options.pollMs ?? POLL_MS, signal);
  }
}

/**
 * Waits for one item, through retries and restarts of the server.
 * @returns undefined when `timeoutMs` passed first
 * @throws WorkflowFailedError when it failed; `describeFailure(error.cause)` puts it into words
 */
export async function awaitItem(
  client: Client,
  workflowId: string,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<ItemResult | undefined> {
  const timeout = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([timeout, options.signal].filter((each) => each !== undefined));
  const result = (): Promise<ItemResult> =>
    client.withAbortSignal(signal, () => client.workflow.getHandle(workflowId).result() as Promise<ItemResult>);
  try {
    return await retrying(result, { signal, limitMs: Infinity });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout?.aborted) return undefined;
    throw error;
  }
}
