import { createHistogram } from 'node:perf_hooks';

/** Percentiles of any number of values, such as ms, in constant memory, within 1 %. */
export class Histogram {
  private readonly values = createHistogram({ figures: 2 });

  get count(): number {
    return this.values.count;
  }

  /** @param value anything below 1 counts as 1 */
  add(value: number): void {
    this.values.record(Math.max(1, Math.round(value)));
  }

  /** Adds the values of another one. */
  merge(other: Histogram): void {
    this.values.add(other.values);
  }

  /**
   * The value that `share` of all values do not exceed, within 1 %.
   * @param share above 0, up to 1
   * @returns undefined when there are no values
   */
  percentile(share: number): number | undefined {
    return this.count === 0 ? undefined : this.values.percentile(share * 100);
  }
}
