/** What a worker does to the items of a batch, one after the other, where the Temporal server has no operation for it. */

/** Ends of a run after which its item can be run again. */
export const RETRYABLE = ['failed', 'cancelled'] as const;
export type Retryable = (typeof RETRYABLE)[number];

export type BatchChange = 'pause' | 'resume' | `retry-${Retryable}`;

/** Input of the workflow `changeBatch`. */
export interface ChangeInput {
  batchId: string;
  change: BatchChange;
  /** Of a pause: see the signal. */
  mark?: boolean;
}

/** How far it is; and at its end, what was done. */
export interface ChangeTally {
  /** Runs that it is about, counted at its beginning. */
  total: number;
  /** Runs that got the request, or items that run again. */
  changed: number;
  /** Runs that had ended meanwhile, or items that have succeeded or run again already. */
  already: number;
  /** Of a pause: runs with a step under way. */
  running: number;
  /** Of a retry: URI prefix of the outputs of one of the items. */
  outputs?: string;
}
