import type { Client } from '@temporalio/client';
import { isMediaPool, STANDARD_POOLS, type Pool } from '../../../common/pools';
import { describeQueues } from '../../core/batch';
import { ApiError } from '../http/problems';

/** The server's own figure is up to five seconds old. */
const FRESH_MS = 5_000;
const RETRY_SECONDS = 60;

/** Refuses work while what waits already has waited for too long. Looks at the queues once in five seconds. */
export class Backlog {
  private ages: Promise<Map<Pool, number>> | undefined;
  private readAt = 0;

  constructor(
    private readonly client: Client,
    private readonly queuePrefix: string,
    /** ms; 0: never refuse. */
    private readonly maxAgeMs: number,
  ) {}

  /** @throws ApiError Overloaded. An optional pool may have no workers, and holds nothing else up. */
  async check(pools: readonly Pool[] = STANDARD_POOLS.filter(isMediaPool)): Promise<void> {
    if (this.maxAgeMs === 0) return;
    const ages = await this.read();
    const oldest = Math.max(...pools.map((pool) => ages.get(pool) ?? 0));
    if (oldest <= this.maxAgeMs) return;
    const seconds = Math.round(oldest / 1000);
    throw new ApiError('Overloaded', `The oldest waiting task has waited for ${seconds} s; come back later.`, {
      retryAfterSeconds: RETRY_SECONDS,
    });
  }

  private read(): Promise<Map<Pool, number>> {
    if (this.ages === undefined || Date.now() - this.readAt > FRESH_MS) {
      this.readAt = Date.now();
      this.ages = describeQueues(this.client, this.queuePrefix).then(
        (queues) => new Map(queues.map(({ pool, ageMs }) => [pool, ageMs])),
      );
      // Whoever waits for it is told; the next one asks again.
      this.ages.catch(() => (this.ages = undefined));
    }
    return this.ages;
  }
}
