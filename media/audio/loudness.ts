import type { Loudness } from '../../common/contracts';

/** What the first pass found out. */
export interface Measured extends Loudness {
  /** LUFS below which blocks did not count. */
  threshold: number;
}

/** LUFS: the absolute gate of ITU-R BS.1770. What is not above it has no loudness. */
const GATE = -70;
/** Seconds below which the range says nothing: EBU Tech 3342 is for programmes of a minute and longer. */
const RANGE_FROM = 60;
/** loudnorm takes 0 for "not measured". */
const LEAST_RANGE = 0.01;

/**
 * What ffmpeg's `ebur128` reports at its end. The report holds the source's own tags too, so the last summary counts.
 * @returns undefined for silence and for what is too short to have a loudness (0.4 s)
 * @throws Error where there is no summary
 */
export function readMeasured(report: string): Measured | undefined {
  const summary = report.slice(report.lastIndexOf('Summary:'));
  const [integrated, threshold, range, truePeak] = [
    /\bI:\s+(\S+) LUFS/,
    /Integrated loudness:\s+I:.*\n\s+Threshold:\s+(\S+) LUFS/,
    /\bLRA:\s+(\S+) LU/,
    /\bPeak:\s+(\S+) dBFS/,
  ].map((pattern) => pattern.exec(summary)?.[1]);
  if (integrated === undefined) throw new Error('ffmpeg reported no loudness');
  const measured = {
    integrated: Number(integrated),
    threshold: Number(threshold),
    range: Number(range),
    truePeak: Number(truePeak),
  };
  const heard = measured.integrated > GATE && Object.values(measured).every(Number.isFinite);
  return heard ? measured : undefined;
}

/**
 * The second pass: one gain for the whole sound (`linear`), which changes nothing about its dynamics. ffmpeg turns to its
 * dynamic mode where that gain would lift the peaks over the target's, or the range is wider than the target's.
 */
export function loudnormFilter(target: Loudness, measured: Measured, durationSeconds: number): string {
  const known = durationSeconds < RANGE_FROM ? Math.min(measured.range, target.range) : measured.range;
  const options = {
    ...{ I: target.integrated, TP: target.truePeak, LRA: target.range, linear: 'true', print_format: 'json' },
    measured_I: Math.min(0, measured.integrated),
    measured_TP: measured.truePeak,
    measured_LRA: Math.max(LEAST_RANGE, known),
    measured_thresh: Math.min(0, measured.threshold),
  };
  const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return `loudnorm=${words.join(':')}`;
}

/** What ffmpeg's `loudnorm` reports of the sound that it passed on, before that was encoded. */
export function readNormalised(report: string): (Loudness & { mode: 'linear' | 'dynamic' }) | undefined {
  const json = /\{[^{}]*"output_i"[^{}]*\}/.exec(report.slice(report.lastIndexOf('"input_i"') - 10))?.[0];
  if (json === undefined) return undefined;
  const { output_i, output_tp, output_lra, normalization_type } = JSON.parse(json) as Record<string, string>;
  const loudness = { integrated: Number(output_i), truePeak: Number(output_tp), range: Number(output_lra) };
  if (!Object.values(loudness).every(Number.isFinite)) return undefined;
  return { ...loudness, mode: normalization_type === 'linear' ? 'linear' : 'dynamic' };
}
