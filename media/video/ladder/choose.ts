import type { Ladder } from '../../../common/video-facts';
import type { VideoPreset, VideoRungSpec } from '../../presets/schema';
import { decibels, rounded } from '../check/decibels';

const rung = (height: number, maxrate: number): VideoRungSpec => ({
  ...{ name: `${height}p`, height, crf: 23, maxrate, speed: 'veryfast', audioBitrate: 128 },
});

/** What a ladder is chosen from, largest first. The factor is that of a source of which no sample can be taken. */
const CANDIDATES: VideoRungSpec[] = [rung(1080, 7800), rung(720, 4500), rung(480, 2000), rung(360, 1000)];

/** The rungs of a preset; of `ladder: auto` those that it may choose from. */
export const rungsOf = ({ rungs }: Pick<VideoPreset, 'rungs'>): VideoRungSpec[] => rungs ?? CANDIDATES;

/** The target of a preset that has no `quality`. */
const TARGET = 0.96;

/** Factors that samples are encoded at; between them, the SSIM in dB is about a straight line. */
export const SAMPLED = [20, 27, 34];
/** Of them, the one at which a rung is enlarged to the size of the next. */
export const ENLARGED_AT = 27;
const LOWEST = 18;
const HIGHEST = 36;

/** A difference of SSIM that a larger rung is not worth its bits for. */
const UNSEEN = 0.005;
/** A rung that needs more than this part of the bits of the rung above spares a slow line nothing. */
const SPARES = 0.75;
/** Every line carries this, kbit/s, so a smaller rung would serve nobody. */
const LEAST_KBPS = 150;

/** What encoding at a factor gave: the SSIM of the luminance, and kbit/s. */
export interface Point {
  crf: number;
  ssim: number;
  kbps: number;
}

/** What samples of a rung showed. */
export interface Measured {
  rung: VideoRungSpec;
  width: number;
  height: number;
  /** By factor, lowest first. */
  points: Point[];
  /** SSIM of the sample at {@link ENLARGED_AT} when it is enlarged to the size of the rung above, beside the source there. */
  enlarged?: number;
}

/**
 * Chooses the factor of each rung for a target, and which rungs are worth having. The largest goes where the one below,
 * enlarged, looks the same; a smaller one where it spares few bits, or where the one above needs hardly any.
 * @param measured largest first
 */
export function chooseLadder(
  measured: Measured[],
  { quality }: Pick<VideoPreset, 'quality'>,
): { rungs: VideoRungSpec[]; ladder: Omit<Ladder, 'samples'> } {
  const target = quality?.ssim ?? TARGET;
  const dropped: Ladder['dropped'] = [];
  const open = [...measured];
  for (let [top, next] = open; top && next && isEnough(top, next, target); [top, next] = open) {
    const [smaller, own] = [rounded(next.enlarged ?? 0), rounded(ssimAt(top))];
    const why = `${next.rung.name}, enlarged, has an SSIM of ${smaller}, and ${top.rung.name} has ${own} at the same crf.`;
    dropped.push({ name: top.rung.name, why });
    open.shift();
  }
  const kept: { spec: VideoRungSpec; facts: Ladder['rungs'][number] }[] = [];
  for (const each of open) {
    const { name } = each.rung;
    const { crf, ssim, kbps } = pointFor(each.points, target);
    const above = kept.at(-1)?.facts;
    if (above && above.kbps <= LEAST_KBPS) {
      dropped.push({ name, why: `${above.name} needs ${above.kbps} kbit/s only.` });
    } else if (above && kbps > SPARES * above.kbps) {
      dropped.push({ name, why: `It would need ${kbps} kbit/s, and ${above.name} needs ${above.kbps}.` });
    } else {
      const { width, height } = each;
      kept.push({ spec: { ...each.rung, crf }, facts: { name, width, height, crf, ssim, kbps } });
    }
  }
  return {
    rungs: kept.map(({ spec }) => spec),
    ladder: { target, rungs: kept.map(({ facts }) => facts), dropped },
  };
}

/** Is the rung below, enlarged, as like the source as the target, and hardly less than the rung itself? */
function isEnough(top: Measured, { enlarged = 0 }: Measured, target: number): boolean {
  return enlarged >= target && enlarged >= ssimAt(top) - UNSEEN;
}

const ssimAt = ({ points }: Measured): number => points.find(({ crf }) => crf === ENLARGED_AT)?.ssim ?? 1;

/** The highest factor whose SSIM is the target at least, as the points let expect; else the lowest that is chosen. */
export function pointFor(points: Point[], target: number): Point {
  let crf = HIGHEST;
  while (crf > LOWEST && at(points, crf, ({ ssim }) => decibels(ssim)) < decibels(target)) crf--;
  const ssim = 1 - 10 ** (-at(points, crf, (point) => decibels(point.ssim)) / 10);
  const kbps = Math.exp(at(points, crf, (point) => Math.log(Math.max(1, point.kbps))));
  return { crf, ssim: rounded(Math.max(0, ssim)), kbps: Math.round(kbps) };
}

/** A value at a factor, on the straight line through the two nearest points. */
function at(points: Point[], crf: number, value: (point: Point) => number): number {
  const upper = points.findIndex((point, index) => index > 0 && (point.crf >= crf || index === points.length - 1));
  const [a, b] = [points[upper - 1], points[upper]];
  if (a === undefined || b === undefined) throw new Error('a line needs two points');
  return value(a) + ((value(b) - value(a)) * (crf - a.crf)) / (b.crf - a.crf);
}
