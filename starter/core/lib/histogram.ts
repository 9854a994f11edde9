/** Each bucket is 2 % wider than the one below, so that its middle is at most 1 % off. */
const GROWTH = 1.02;

/** Percentiles of any number of values in constant memory (about a thousand buckets from 1 ms to a month). */
export class Histogram {
  private readonly buckets = new Map<number, number>();
  count = 0;

  /** @param value anything below 1 counts as 1 */
  add(value: number): void {
    const bucket = Math.floor(Math.log(Math.max(1, value)) / Math.log(GROWTH));
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
    this.count++;
  }

  /** Adds the values of another one. */
  merge(other: Histogram): void {
    for (const [bucket, count] of other.buckets) this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count);
    this.count += other.count;
  }

  /**
   * The value that `share` of all values do not exceed, within 1 %.
   * @param share 0–1
   * @returns undefined when there are no values
   */
  percentile(share: number): number | undefined {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (const [bucket, count] of [...this.buckets].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return GROWTH ** (bucket + 0.5);
    }
    return undefined;
  }
}
