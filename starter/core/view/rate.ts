import type { Run } from '../../../temporal/batches/runs';
import { Histogram } from '../lib/histogram';

/** Runs that rate and percentiles are taken from: the last ones to close. */
export const SAMPLE = 500;
const RATE_WINDOW_MS = 60_000;

/** ms; absent where the sample is empty. */
export interface Percentiles {
  p50?: number;
  p95?: number;
  p99?: number;
  sample: number;
}

/** Items a second, from runs in the order of their end, newest first. */
export function rateOf(runs: Pick<Run, 'closeTime' | 'startTime'>[], now: number): number {
  const times = runs.map(({ closeTime }) => closeTime?.getTime() ?? 0).filter((time) => time > now - RATE_WINDOW_MS);
  if (times.length === 0) return 0;
  // A sample that does not reach back a minute covers the time that it covers; so does a batch younger than that.
  const begin = times.length === runs.length ? Math.min(...runs.map(({ startTime }) => startTime.getTime())) : 0;
  const reach = runs.length >= SAMPLE ? Math.min(...times) : begin;
  const seconds = Math.min(RATE_WINDOW_MS, Math.max(1000, now - reach)) / 1000;
  return Math.round((times.length / seconds) * 100) / 100;
}

/** Of runs that completed, whatever their order. */
export function percentiles(runs: Pick<Run, 'closeTime' | 'startTime'>[]): Percentiles {
  const histogram = new Histogram();
  for (const { closeTime, startTime } of runs) {
    if (closeTime) histogram.add(closeTime.getTime() - startTime.getTime());
  }
  const at = (share: number): number | undefined => {
    const value = histogram.percentile(share);
    return value === undefined ? undefined : Math.round(value);
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), sample: histogram.count };
}
