import { sleepUnlessAborted } from '../../core/lib/sleep';

/**
 * A token bucket that may go into debt: whoever has at least one token left is let in with as many jobs as the request
 * holds, and the next one waits until the debt is paid. So the rate holds over time, and no batch is too large for it.
 * A minute's worth may be used at once. It counts within this process: three replicas allow three times the rate.
 */
export class TokenBucket {
  private tokens: number;
  private at = Date.now();

  /** @param perMinute jobs a minute */
  constructor(private readonly perMinute: number) {
    this.tokens = perMinute;
  }

  /** Takes `count` tokens. @returns 0, or the seconds until it is worth asking again (then nothing was taken) */
  take(count: number): number {
    const now = Date.now();
    this.tokens = Math.min(this.perMinute, this.tokens + ((now - this.at) * this.perMinute) / 60_000);
    this.at = now;
    if (this.tokens < 1) return ((1 - this.tokens) * 60) / this.perMinute;
    this.tokens -= count;
    return 0;
  }

  /** Waits for a token rather than refusing: for streams, which are slowed down. */
  async wait(signal: AbortSignal): Promise<void> {
    for (let seconds = this.take(1); seconds > 0; seconds = this.take(1)) {
      await sleepUnlessAborted(Math.ceil(seconds * 1000), signal);
    }
  }
}
