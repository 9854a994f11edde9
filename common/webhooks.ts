/** What callers are told when a job or a batch has ended. Types only: workflows import this file. */

import type { ItemResult } from './contracts';
import type { Playable } from './playable';

/** What the callbackUrl of a job is sent: at the end of each run, and of a long video before, when it can be played. */
export interface WebhookEvent {
  type: 'job.playable' | 'job.succeeded' | 'job.failed' | 'job.cancelled';
  /** Of the key that submitted the job. */
  tenant?: string;
  /** The id of the job in the API. */
  job: string;
  batch: string;
  source: string;
  metadata?: Record<string, string>;
  result?: ItemResult;
  /** Of `job.playable`: where the stream is, which grows until the job has ended. */
  playable?: Playable;
  /** A row of the error table and its sentence. */
  error?: { type: string; message: string };
  /** ISO 8601, when the job ended or could be played. */
  at: string;
}

/** A batch whose end somebody wants to be told. */
export interface BatchWatch {
  batchId: string;
  /** Of the key that submitted the batch. */
  tenant?: string;
  url: string;
  /** That were started or joined: while the visibility store shows fewer, it lags. */
  runs: number;
}

/** Items by how their last run ended. */
export interface BatchTotals {
  items: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

/** What the callbackUrl of a batch is sent when nothing of it is open any more. */
export interface BatchEvent extends BatchTotals {
  type: 'batch.ended';
  tenant?: string;
  batch: string;
  /** ISO 8601. */
  at: string;
}

export interface WebhookCall {
  url: string;
  /** Whose secret signs it; absent: that of the service. */
  tenant?: string;
  /** The same for every attempt. */
  id: string;
  event: WebhookEvent | BatchEvent;
}
