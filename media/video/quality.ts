import type { Rendition } from '../../common/contracts';
import type { Quality } from '../../common/video-facts';
import { decibels, rounded } from './check/decibels';
import { likenessOf, type Pair } from './check/likeness';
import type { Composition } from './compose';
import { rungBranch } from './outputs/rung';
import type { Range, RungPlan, StepInput, VideoFile, VideoPlan } from './types';

/** How often a rung is encoded, at most. */
const MAX_TRIES = 4;
/** Lower factors make files many times as large for a difference that nobody sees; at 0, x264 leaves its profile. */
const LOWEST_CRF = 8;
/** A try that brings less than this shows that not the factor but the cap of the rate decides. */
const LEAST_GAIN = 0.001;
/** Of the dissimilarity, in dB, for a step of the factor: on the low side, so that few tries are needed. */
const DB_PER_STEP = 0.4;
const MAX_STEP = 8;
const MIN_STEP = 2;

/** What the gate works on: a run of {@link makeOutputs}, or of a piece of it. */
interface Gated extends StepInput {
  plan: VideoPlan;
  range?: Range;
}

/**
 * Measures the rungs of a run, and encodes those again, at a lower factor, that are less like the source than the plan asks
 * for. It ends after some tries, and where a try brings nothing: the last film is then kept, and its `quality` says how
 * far it came. Rungs that are passed through are the source itself, and not measured.
 * @param files what the run has made, under the names that they have until it ends
 * @param encode makes rungs again, each in the place of its file
 * @throws as `encode` and likenessOf do
 */
export async function reachQuality(
  input: Gated,
  composition: Composition,
  files: VideoFile[],
  encode: (rungs: RungPlan[]) => Promise<VideoFile[]>,
): Promise<VideoFile[]> {
  const { plan } = input;
  if (plan.quality === undefined) return files;
  const target = plan.quality.ssim;
  const made = new Map(files.map((file) => [file.name, file]));
  let open = plan.rungs.filter(({ name, copy }) => !copy && made.get(name)?.role === 'video');
  for (let tries = 1; open.length > 0; tries++) {
    const framesOf = ({ name }: RungPlan) => made.get(name)?.frames ?? 0;
    const pairs = open.map((rung) => pairOf(input, rung, framesOf(rung), [`${rung.name}.mp4.part`]));
    const found = await likenessOf(input, composition, pairs);
    const again: RungPlan[] = [];
    for (const [index, rung] of open.entries()) {
      const file = made.get(rung.name);
      const ssim = rounded(found[index]?.[0] ?? 0);
      if (file === undefined) continue;
      const gain = ssim - (file.quality?.ssim ?? 0);
      made.set(rung.name, { ...file, quality: { target, ssim, crf: rung.crf, tries } });
      const crf = nextCrf(rung.crf, ssim, target);
      if (ssim < target && gain >= LEAST_GAIN && tries < MAX_TRIES && crf < rung.crf) again.push({ ...rung, crf });
    }
    const remade = again.length === 0 ? [] : await encode(again);
    for (const file of remade) made.set(file.name, { ...file, quality: made.get(file.name)?.quality });
    open = again;
  }
  return files.map((file) => made.get(file.name) ?? file);
}

/** What a rung is compared with: what its encoder got. @param frames of each film @param films names of what was made of that */
export function pairOf(
  { probe, range, marks }: Omit<Gated, 'plan'>,
  rung: RungPlan,
  frames: number,
  films: string[],
): Pair {
  const branch = rungBranch(probe, { ...rung, audioBitrate: undefined }, range, marks?.[`rung:${rung.name}`]);
  const { name, width, height, fps = probe.video.fps } = rung;
  return { branch, pad: `rung-${name}`, fps, width, height, frames, films };
}

/** The next factor to try: the farther from the target, the larger the step. */
export function nextCrf(crf: number, ssim: number, target: number): number {
  const steps = Math.ceil((decibels(target) - decibels(ssim)) / DB_PER_STEP);
  return Math.max(LOWEST_CRF, crf - Math.min(MAX_STEP, Math.max(MIN_STEP, steps)));
}

/** The quality of a rung from that of its pieces; `frames`: pictures of each. */
export function joinedQuality(parts: { frames: number; quality?: Quality }[]): { quality?: Quality } {
  const known = parts.flatMap(({ frames, quality }) => (quality ? [{ frames, ...quality }] : []));
  const [first] = known;
  if (first === undefined) return {};
  const frames = known.reduce((sum, part) => sum + part.frames, 0);
  return {
    quality: {
      target: first.target,
      ssim: rounded(known.reduce((sum, part) => sum + part.frames * part.ssim, 0) / frames),
      crf: Math.min(...known.map(({ crf }) => crf)),
      tries: Math.max(...known.map(({ tries }) => tries)),
      chunks: {
        lowest: Math.min(...known.map(({ ssim }) => ssim)),
        again: known.filter(({ tries }) => tries > 1).length,
      },
    },
  };
}

/** A sentence for each rung that is less like the source than was asked for, in the whole or in a chunk of it. */
export function missedQuality(renditions: Pick<Rendition, 'name' | 'quality'>[]): string[] {
  return renditions.flatMap(({ name, quality }) => {
    if (quality === undefined) return [];
    const { target, tries, crf, chunks } = quality;
    const ssim = chunks?.lowest ?? quality.ssim;
    if (ssim >= target) return [];
    const what = chunks ? `A chunk of ${name}` : name;
    return `${what} has an SSIM of ${ssim}, less than video.quality.ssim asks for (${target}), after ${tries} tries down to crf ${crf}.`;
  });
}
