import type { RedisOptions } from 'bullmq';
import type { MediaJob } from '../common/contracts';

/** What the client and the worker of the benchmark's BullMQ have in common. */
export const QUEUE = 'bench';

/** Data of one job. */
export interface BenchJob {
  job: MediaJob;
  /** Absolute path; made by the worker. */
  folder: string;
}

export function redisAt(port: string): RedisOptions {
  return { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
}
