/** The time that a rate is told over, ms: long enough to be calm, short enough to follow a change. */
const WINDOW_MS = 20_000;

/** Items per second over the last seconds, and what that means for the rest. */
export class RateMeter {
  private readonly looks: { at: number; done: number }[] = [];

  /** @param at ms */
  add(at: number, done: number): void {
    this.looks.push({ at, done });
    while (this.looks.length > 2 && at - (this.looks[1]?.at ?? at) >= WINDOW_MS) this.looks.shift();
  }

  get perSecond(): number {
    const first = this.looks[0];
    const last = this.looks.at(-1);
    if (!first || !last || last.at === first.at) return 0;
    return Math.max(0, (last.done - first.done) / ((last.at - first.at) / 1000));
  }

  /** Seconds until `remaining` are done; undefined while nothing moves. */
  secondsFor(remaining: number): number | undefined {
    return this.perSecond > 0 ? remaining / this.perSecond : undefined;
  }
}
