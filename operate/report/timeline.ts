import { Histogram } from '../../starter/core/lib/histogram';

/** Points of a plot: as many as a screen tells apart, and a bound of memory. */
const MAX_BUCKETS = 60;
const FIRST_WIDTH_MS = 1_000;

/** What happened in one span of time. */
export interface Bucket {
  started: number;
  succeeded: number;
  failed: number;
  /** ms from submit to published, of what succeeded in it. */
  latency: Histogram;
}

/** One point of the plots. */
export interface Point {
  /** ms since 1970, its beginning. */
  at: number;
  succeeded: number;
  failed: number;
  /** Items that were open at its end. */
  open: number;
  /** ms; undefined where nothing succeeded. */
  p50?: number;
  p95?: number;
}

/** Counts events by time in bounded memory: the buckets grow wider as the time grows longer. Events come in any order. */
export class Timeline {
  private buckets = new Map<number, Bucket>();
  private first = Infinity;
  private last = -Infinity;
  widthMs = FIRST_WIDTH_MS;

  started(at: number): void {
    this.bucketAt(at).started++;
  }

  succeeded(at: number, latencyMs: number): void {
    const bucket = this.bucketAt(at);
    bucket.succeeded++;
    bucket.latency.add(latencyMs);
  }

  failed(at: number): void {
    this.bucketAt(at).failed++;
  }

  /** In the order of time, without a gap. */
  points(): Point[] {
    const points: Point[] = [];
    let open = 0;
    for (let index = this.indexOf(this.first); index <= this.indexOf(this.last); index++) {
      const { started, succeeded, failed, latency } = this.buckets.get(index) ?? emptyBucket();
      open += started - succeeded - failed;
      const [p50, p95] = [latency.percentile(0.5), latency.percentile(0.95)];
      points.push({ at: index * this.widthMs, succeeded, failed, open, p50, p95 });
    }
    return points;
  }

  private bucketAt(at: number): Bucket {
    this.first = Math.min(this.first, at);
    this.last = Math.max(this.last, at);
    while (this.indexOf(this.last) - this.indexOf(this.first) >= MAX_BUCKETS) this.widen();
    const index = this.indexOf(at);
    const bucket = this.buckets.get(index) ?? emptyBucket();
    this.buckets.set(index, bucket);
    return bucket;
  }

  private widen(): void {
    this.widthMs *= 2;
    const wider = new Map<number, Bucket>();
    for (const [index, bucket] of this.buckets) {
      const half = Math.floor(index / 2);
      const into = wider.get(half);
      if (into === undefined) {
        wider.set(half, bucket);
        continue;
      }
      into.started += bucket.started;
      into.succeeded += bucket.succeeded;
      into.failed += bucket.failed;
      into.latency.merge(bucket.latency);
    }
    this.buckets = wider;
  }

  private indexOf(at: number): number {
    return Math.floor(at / this.widthMs);
  }
}

function emptyBucket(): Bucket {
  return { started: 0, succeeded: 0, failed: 0, latency: new Histogram() };
}
