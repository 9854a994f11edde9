import type { Pool } from '../../common/pools';

/** One task queue, from every side that can be seen. */
export interface QueueEvidence {
  name: string;
  pool: Pool;
  /** Tasks that no worker has taken yet: the server's estimate, or what the looked-at items wait for where that is more. */
  waiting: number;
  /** Seconds that the oldest of them has waited. */
  oldestSeconds: number;
  /** Identities of workers that asked for work lately, or that run something now. */
  workers: string[];
  /** Those who asked lately, but have stopped to although work waits, and run nothing. */
  gone: string[];
  /** Steps of the looked-at items that run now. */
  running: number;
  /** Tasks given to workers per second, averaged by the server over about 30 s. */
  dispatchRate: number;
  /** The limit that somebody has set, tasks per second. */
  limit?: { perSecond: number; by: 'worker' | 'api' };
  /** Of all workers of the queue together; absent unless every one of them could be asked. */
  slots?: { used: number; free: number };
}

/** An activity of an open item that is under way, waits for a worker, or waits for its next attempt. */
export interface StepEvidence {
  workflowId: string;
  queue: string;
  activity: string;
  source: string;
  state: 'waiting' | 'running' | 'backing off';
  attempt: number;
  /** Why the attempt before failed: a row of the error table, or `Timeout`. */
  failure?: { type: string; message: string };
  /** The last attempt's worker. */
  worker?: string;
  /** Seconds since the step was scheduled, for one that waits. */
  waitedSeconds: number;
  /** Seconds since the worker last said anything about the step, for one that runs. */
  silentSeconds?: number;
  /** What the worker said last. */
  said?: string;
  /** It spoke between two looks, told a figure, and the figure was the same. */
  stands?: boolean;
}

export interface StorageEvidence {
  /** `s3://bucket` */
  place: string;
  /** Time to list one entry, seconds. */
  seconds: number;
  /** It did not answer properly. */
  error?: string;
}

/** Everything that was measured. `undefined` parts could not be. */
export interface Evidence {
  temporal: {
    address: string;
    /** Nobody named a server: commands bring their own, so one that is not there is no fault. */
    embedded: boolean;
    /** Median of a few small requests, ms. */
    latencyMs?: number;
    /** Why it does not answer. */
    error?: string;
  };
  /** The prefix that this configuration means. */
  queuePrefix: string;
  /** Queues of our prefix, and of every other prefix that open items are submitted to. */
  queues: QueueEvidence[];
  /** Queues that workers ask for work and that nobody fills. */
  strays: { name: string; workers: string[] }[];
  /** Open items altogether, and how many of them were looked at. */
  open: number;
  lookedAt: number;
  steps: StepEvidence[];
  storage: StorageEvidence[];
  /** Mean seconds of a stage, from workers that could be asked. */
  stages: { stage: string; meanSeconds: number; count: number }[];
}

export const CAUSES = {
  'temporal-away': 'Temporal does not answer',
  'temporal-slow': 'Temporal is slow',
  'misnamed-queue': 'Workers ask another queue than the one that is filled',
  'no-workers': 'No worker serves the queue',
  'rate-limit': 'A rate limit holds the queue back',
  'slow-downstream': 'The store for sources or outputs is slow or away',
  'stuck-step': 'A step has stopped making progress',
  'poison-item': 'An item fails again and again',
  'too-few-slots': 'The workers are busy: there are too few of them',
  unexplained: 'Work waits although workers have free slots',
} as const;
export type Cause = keyof typeof CAUSES;

export interface Finding {
  cause: Cause;
  /** The queue that it holds back. Absent: all of them. */
  queue?: string;
  /** What was measured, a line each. */
  evidence: string[];
  /** Commands that mend it, with a word on each where it needs one. */
  mend: string[];
}

/** From where on something counts as wrong. */
export interface Limits {
  /** Work that waits for less is no backlog, seconds. */
  patienceSeconds: number;
  /** Median latency of a request to Temporal, ms. */
  slowTemporalMs: number;
  /** Time to list one entry of a bucket, and mean time of fetch or publish, seconds. */
  slowStorageSeconds: number;
  /** Silence of a running step, seconds: longer than between heartbeats, shorter than what ends the attempt. */
  silentSeconds: number;
  /** Attempts of one step from which on its item counts as poison. */
  poisonAttempts: number;
}

export const DEFAULT_LIMITS: Limits = {
  patienceSeconds: 10,
  slowTemporalMs: 1_000,
  slowStorageSeconds: 5,
  silentSeconds: 5,
  poisonAttempts: 4,
};

/** Looks at evidence, never at the world. */
export type Rule = (evidence: Evidence, limits: Limits) => Finding[];

/** True where work has waited for longer than anybody should. */
export function isBackedUp(queue: QueueEvidence, { patienceSeconds }: Limits): boolean {
  return queue.waiting > 0 && queue.oldestSeconds >= patienceSeconds;
}
