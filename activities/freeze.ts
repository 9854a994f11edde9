/** ms between two looks at the clock. */
const LOOK_EVERY = 1000;
/** ms of silence that are no mere load. */
const FROZEN = 5000;
/** ms after waking up in which tasks may arrive that the server sent while the process stood still. */
const LATE_TASKS = 5000;

/**
 * Notices that the whole process stood still: SIGSTOP, a suspended virtual machine, a paused container. When it goes on, the
 * server has given its work to others, and nobody has told it yet.
 */
export class FreezeWatch {
  private lookedAt = performance.now();
  private woke: { at: number; afterMs: number } | undefined;

  constructor() {
    setInterval(() => this.look(), LOOK_EVERY).unref();
  }

  /**
   * ms for which the process stood still after work began, or so shortly before that the task may have waited all the time;
   * 0 if it did not.
   * @param since when the work began, as `performance.now()` gives it
   */
  stoodStill(since: number): number {
    this.look();
    return this.woke !== undefined && this.woke.at > since - LATE_TASKS ? this.woke.afterMs : 0;
  }

  private look(): void {
    const now = performance.now();
    const silentMs = now - this.lookedAt;
    this.lookedAt = now;
    if (silentMs > FROZEN) this.woke = { at: now, afterMs: silentMs };
  }
}

/** Of this process. */
export const freezes = new FreezeWatch();
