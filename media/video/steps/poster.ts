import { readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../common/errors';
import { posterCommand } from '../args';
import { runFfmpeg } from '../ffmpeg';
import { SAMPLE_WIDTH } from '../filters';
import type { PosterPlan, StepInput, VideoFile } from '../types';
import { badOutput, fileFacts, finished } from './finish';
import { judge } from './judge';
import { pictureSize } from './picture';

/**
 * The picture that stands for the video, as `poster.webp` or `poster.jpg`: the first candidate that is neither black nor
 * flat nor blurred, else the best of them. One ffmpeg where the first one is good.
 */
export async function makePoster(step: StepInput & { poster: PosterPlan }): Promise<VideoFile> {
  const { poster, signal } = step;
  const names = [`poster.${poster.format === 'webp' ? 'webp' : 'jpg'}`];
  const { files, result } = await finished(step.outputDir, names, async ([part = '']) => {
    let best = -Infinity;
    for (const at of poster.candidates) {
      const score = await tryCandidate(step, at, `${part}.try`, best, part);
      signal?.throwIfAborted();
      best = Math.max(best, score);
      if (score >= 1) break;
    }
    // The end of a file whose stated duration is too long has no pictures; its beginning has.
    if (best === -Infinity) best = await tryCandidate(step, 0, `${part}.try`, best, part);
    if (best === -Infinity) throw new DarkroomError('CorruptMedia', 'The video has no picture that can be read.');
    return fileFacts(part, step);
  });
  const { format, width, height } = poster;
  return { name: 'poster', role: 'poster', mime: `image/${format}`, file: files[0] ?? '', width, height, ...result };
}

/** Bytes of a header: what a muxer writes that never got a picture. */
const SMALLEST_PICTURE = 30;

/** @returns the score, -Infinity where there is no picture; the picture replaces `kept` if it beats `best`. */
async function tryCandidate(
  step: StepInput & { poster: PosterPlan },
  at: number,
  picture: string,
  best: number,
  kept: string,
): Promise<number> {
  const { input, probe, poster, maxDuration, settings, signal, onProgress } = step;
  const sample = `${picture}.grey`;
  try {
    const command = posterCommand(input, { picture, sample }, probe, poster, at, settings.threads, maxDuration);
    await runFfmpeg(command, { settings, signal, onProgress });
    const pixels = await readFile(sample);
    if (pixels.length === 0) return -Infinity;
    // A picture whose time lies beyond the bound of the run reaches the sample but no file.
    if ((await stat(picture)).size < SMALLEST_PICTURE) return -Infinity;
    check(await readFile(picture), poster);
    const score = judge(pixels, SAMPLE_WIDTH);
    if (score > best) await rename(picture, kept);
    return score;
  } finally {
    await Promise.all([picture, sample].map((file) => rm(path.resolve(file), { force: true })));
  }
}

function check(bytes: Buffer, poster: PosterPlan): void {
  const { width, height } = pictureSize(bytes, poster.format);
  if (width !== poster.width || height !== poster.height) {
    throw badOutput('The encoder wrote another picture than was asked for.', { width, height });
  }
}
