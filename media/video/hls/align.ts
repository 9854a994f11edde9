import { fraction, reduced, type Fraction } from '../fraction';
import type { HlsPlan, RungPlan } from '../types';

/** A keyframe about so often, and segments of about this length, as Apple advises; seconds. */
const KEYFRAME_SECONDS = 2;
const SEGMENT_SECONDS = 6;

/**
 * Settles the keyframes of a ladder so that every rung can be cut at the same times, whatever its rate: the interval is a
 * whole number of frames in each of them. Nothing is passed through, because a source has its keyframes anywhere.
 * @param sourceFps the rate of rungs that keep the source's
 */
export function alignRungs(rungs: RungPlan[], sourceFps: string): { rungs: RungPlan[]; hls: HlsPlan } {
  const rates = rungs.map((rung) => reduced(fraction(rung.fps ?? sourceFps)));
  const slowest = rates.reduce((a, b) => (a.num * b.den <= b.num * a.den ? a : b));
  const ratios = rates.map((rate) => reduced({ num: rate.num * slowest.den, den: rate.den * slowest.num }));
  const unit = ratios.reduce((all, { den }) => leastCommonMultiple(all, den), 1);
  const perSecond = slowest.num / slowest.den;
  // Frames of the slowest rung between two keyframes.
  const frames = unit * Math.max(1, Math.round((KEYFRAME_SECONDS * perSecond) / unit));
  const seconds = frames / perSecond;
  return {
    rungs: rungs.map(({ copy: _copy, ...rung }, index) => {
      const rate = rates[index] ?? slowest;
      const ratio = ratios[index] ?? { num: 1, den: 1 };
      return { ...rung, fps: text(rate), gop: (frames * ratio.num) / ratio.den, fixedGop: true };
    }),
    hls: { segmentSeconds: seconds * Math.max(1, Math.round(SEGMENT_SECONDS / seconds)) },
  };
}

const text = ({ num, den }: Fraction) => `${num}/${den}`;

function leastCommonMultiple(a: number, b: number): number {
  return a * reduced({ num: b, den: a }).num;
}
