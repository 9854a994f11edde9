import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Ladder } from '../../../common/video-facts';
import { DarkroomError } from '../../../common/errors';
import type { VideoPreset, VideoRungSpec } from '../../presets/schema';
import { likenessOf } from '../check/likeness';
import { fraction } from '../fraction';
import { alignRungs } from '../hls/align';
import { isOfDecoder, makeOutputs } from '../make-outputs';
import { planVideo } from '../plan/plan';
import { pairOf } from '../quality';
import type { MediaProbe, Range, RungPlan, StepInput } from '../types';
import { chooseLadder, ENLARGED_AT, rungsOf, SAMPLED, type Measured, type Point } from './choose';

/** Samples of a film, each as long as from one keyframe to the next: two seconds. */
const SAMPLES = 4;
/** One sample for so many times its own length, so that short films are not encoded many times over. */
const SHARE = 2;

/**
 * Chooses the ladder of a video by samples of it: each is encoded by all candidates at some factors over one decode, and
 * compared with the source. Where no sample can be decoded, all candidates stay, at a usual factor, and the encoding says
 * what is wrong.
 * @returns the rungs, and for the manifest how they were found
 * @throws DarkroomError as makeOutputs does where the file is not the reason; after an abort the signal's reason
 */
export async function autoLadder(
  step: StepInput,
  preset: VideoPreset,
): Promise<{ rungs: VideoRungSpec[]; ladder: Ladder }> {
  const candidates = alignRungs(
    planVideo(step.probe, { audio: 'drop', rungs: rungsOf(preset) }).rungs,
    step.probe.video.fps,
  ).rungs;
  const largestFirst = [...candidates].sort((a, b) => b.width * b.height - a.width * a.height);
  const samples: Sample[] = [];
  for (const range of rangesOf(step.probe, largestFirst)) {
    const sample = await sampleAt(step, largestFirst, range);
    if (sample) samples.push(sample);
  }
  const measured = largestFirst.flatMap((rung): Measured[] => {
    const spec = rungsOf(preset).find(({ name }) => name === rung.name);
    return spec === undefined ? [] : [averaged(spec, rung, samples)];
  });
  if (samples.length === 0)
    return { rungs: measured.map(({ rung }) => rung), ladder: { samples: [], rungs: [], dropped: [] } };
  const { rungs, ladder } = chooseLadder(measured, preset);
  return { rungs, ladder: { ...ladder, samples: samples.map(({ start }) => start) } };
}

/** Pieces of the film, spread evenly over it; of one that is hardly longer than a piece, all. */
function rangesOf({ video, durationSeconds }: MediaProbe, rungs: RungPlan[]): Range[] {
  const [first] = rungs;
  if (first === undefined) return [];
  const { num, den } = fraction(first.fps);
  const length = (first.gop * den) / num;
  const pieces = Math.floor((video.durationSeconds ?? durationSeconds) / length);
  if (pieces < 2) return [{ start: 0 }];
  const count = Math.max(1, Math.min(SAMPLES, Math.floor(pieces / SHARE)));
  const frames = Object.fromEntries(rungs.flatMap(({ name, gop }) => SAMPLED.map((crf) => [nameAt(name, crf), gop])));
  return Array.from({ length: count }, (_, index) => ({
    start: Math.floor((pieces * (index + 0.5)) / count) * length,
    frames,
  }));
}

interface Sample {
  start: number;
  points: Map<string, Point[]>;
  enlarged: Map<string, number>;
}

const nameAt = (rung: string, crf: number): string => `${rung}-${crf}`;

/** Undefined where the source cannot be decoded there. */
async function sampleAt(step: StepInput, rungs: RungPlan[], range: Range): Promise<Sample | undefined> {
  const { marks: _, ...input } = step;
  const all = rungs.flatMap((rung) => SAMPLED.map((crf) => ({ ...rung, name: nameAt(rung.name, crf), crf })));
  const outputs = { ...input, range, plan: { rungs: all } };
  const names = all.map(({ name }) => `${name}.mp4`);
  try {
    const made = await makeOutputs(outputs);
    const pairs = rungs.map((rung, index) => {
      const below = rungs[index + 1];
      const films = SAMPLED.map((crf) => `${nameAt(rung.name, crf)}.mp4`);
      const { frames = 0 } = made.find(({ name }) => name === nameAt(rung.name, ENLARGED_AT)) ?? {};
      return pairOf(outputs, rung, frames, below ? [...films, `${nameAt(below.name, ENLARGED_AT)}.mp4`] : films);
    });
    const partOf = (name: string) => path.resolve(step.outputDir, name);
    const composition = {
      ...outputs,
      input: path.resolve(step.input),
      branches: [],
      partOf,
      threads: step.settings.threads,
    };
    const found = await likenessOf(outputs, composition, pairs);
    const points = rungs.map(({ name }, index): [string, Point[]] => [
      name,
      SAMPLED.map((crf, at) => ({
        crf,
        ssim: found[index]?.[at] ?? 0,
        kbps: made.find((film) => film.name === nameAt(name, crf))?.bitrate ?? 0,
      })),
    ]);
    const enlarged = rungs.flatMap(({ name }, index): [string, number][] => {
      const ssim = found[index - 1]?.[SAMPLED.length];
      return ssim === undefined ? [] : [[name, ssim]];
    });
    return { start: range.start, points: new Map(points), enlarged: new Map(enlarged) };
  } catch (error) {
    step.signal?.throwIfAborted();
    if (isOfDecoder(error) || (error instanceof DarkroomError && error.type === 'CorruptMedia')) return undefined;
    throw error;
  } finally {
    await Promise.all(names.map((name) => rm(path.resolve(step.outputDir, name), { force: true })));
  }
}

/** Means over all samples. */
function averaged(spec: VideoRungSpec, { name, width, height }: RungPlan, samples: Sample[]): Measured {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const points = SAMPLED.map((crf, at) => {
    const own = samples.flatMap((sample) => sample.points.get(name)?.[at] ?? []);
    return { crf, ssim: mean(own.map(({ ssim }) => ssim)), kbps: mean(own.map(({ kbps }) => kbps)) };
  });
  const enlarged = samples.flatMap((sample) => sample.enlarged.get(name) ?? []);
  return { rung: spec, width, height, points, ...(enlarged.length > 0 && { enlarged: mean(enlarged) }) };
}
