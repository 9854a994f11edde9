import { sleepUnlessAborted } from '../../../common/sleep';

/**
 * A token bucket that may go into debt: whoever has at least one token left is let in with as many jobs as the request
 * holds, and the next one waits until the debt is paid. So the rate holds over time, and no batch is too large for it.
 * It counts within this process; what holds over all of them is counted by Temporal (`TenantJobs`).
 */
export class TokenBucket {
  private tokens: number;
  private at = Date.now();

  /**
   * @param perMinute tokens a minute
   * @param burst that may be used at once; at least one
   */
  constructor(
    readonly perMinute: number,
    private readonly burst = perMinute,
  ) {
    this.burst = Math.max(1, burst);
    this.tokens = this.burst;
  }

  /** Takes `count` tokens. @returns 0, or the seconds until it is worth asking again (then nothing was taken) */
  take(count: number): number {
    const now = Date.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) * this.perMinute) / 60_000);
    this.at = now;
    if (this.tokens < 1) return ((1 - this.tokens) * 60) / this.perMinute;
    this.tokens -= count;
    return 0;
  }

  /** Takes `count` tokens for what has been let in already, into debt if need be. */
  charge(count: number): void {
    this.tokens -= Math.max(0, count);
  }

  /** Waits for a token rather than refusing: for streams, which are slowed down. */
  async wait(signal: AbortSignal): Promise<void> {
    for (let seconds = this.take(1); seconds > 0; seconds = this.take(1)) {
      await sleepUnlessAborted(Math.ceil(seconds * 1000), signal);
    }
  }
}
