import type { SpeechFound } from '../../common/analysis';

/** Samples that the network judges at once, of 16,000 a second. */
export const WINDOW = 512;
const SECONDS = WINDOW / 16_000;

/** Speech begins where the network is so sure of it, and ends where it is sure of less for so long: pauses for breath stay in. */
const BEGINS = 0.5;
const ENDS = 0.35;
const PAUSE_SECONDS = 0.3;
/** Shorter sounds are coughs and clicks. */
const LEAST_SECONDS = 0.25;
/** Ranges in one manifest. */
const MOST_RANGES = 2000;

/** Turns the network's opinion of each window into ranges of speech. */
export class RangeFinder {
  private readonly ranges: [number, number][] = [];
  private windows = 0;
  private begin: number | undefined;
  /** After the last window of speech. */
  private end = 0;

  /** @param probability of speech in the next window, 0–1 */
  add(probability: number): void {
    const at = this.windows++;
    if (probability >= (this.begin === undefined ? BEGINS : ENDS)) {
      this.begin ??= at;
      this.end = at + 1;
    } else if ((at + 1 - this.end) * SECONDS >= PAUSE_SECONDS) this.close();
  }

  found(): SpeechFound {
    this.close();
    const seconds = this.ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
    const kept = this.ranges.slice(0, MOST_RANGES);
    const omitted = this.ranges.length - kept.length;
    return { seconds: rounded(seconds), ranges: kept, ...(omitted > 0 && { omitted }) };
  }

  private close(): void {
    const { begin, end } = this;
    this.begin = undefined;
    if (begin === undefined || (end - begin) * SECONDS < LEAST_SECONDS) return;
    this.ranges.push([rounded(begin * SECONDS), rounded(end * SECONDS)]);
  }
}

/** To hundredths. */
function rounded(seconds: number): number {
  return Math.round(100 * seconds) / 100;
}
