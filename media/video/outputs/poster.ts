import { readFile, rename, rm } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import { badOutput } from '../check/finish';
import { pictureSize } from '../check/picture';
import { runBounds } from '../ffmpeg/bounds';
import { fileUrl, inputStart, jpegScale, type FfmpegCommand } from '../ffmpeg/command';
import { runFfmpeg } from '../ffmpeg/run';
import type { MediaProbe, PosterPlan, StepInput } from '../types';
import type { Branch, Made, PlainOutput } from './branch';
import { deinterlace, posterFilters, SAMPLE_WIDTH } from './filters';
import { scoreThumbnail } from './score-thumbnail';

/** The grey sample by which a picture is scored. */
const SAMPLE = 'poster.grey';

/**
 * The picture that stands for the video, as `poster.webp` or `poster.jpg`: the first candidate that is neither black nor
 * flat nor blurred, else the best of them. A run that decodes the pictures anyway brings the first candidate along; the
 * others are sought only where that one is no good.
 */
export function posterBranch(poster: PosterPlan): Branch {
  const name = `poster.${poster.format === 'webp' ? 'webp' : 'jpg'}`;
  const [first = 0] = poster.candidates;
  return {
    id: 'poster',
    names: [name],
    temporary: [SAMPLE],
    pictures: { every: false, chain: (video) => posterFilters(video, poster, first) },
    outputs: outputs(poster, name),
    makes: { width: 0, height: 0 },
    finish: async (made) => {
      await choose(made, poster, name);
      const { format, width, height } = poster;
      const facts = await made.measure(name);
      return [{ name: 'poster', role: 'poster', mime: `image/${format}`, width, height, ...facts }];
    },
  };
}

function outputs(poster: PosterPlan, name: string): [PlainOutput, PlainOutput] {
  const codec =
    poster.format === 'webp'
      ? ['-c:v', 'libwebp', '-quality', String(poster.quality), '-compression_level', '2', '-f', 'webp']
      : ['-c:v', 'mjpeg', '-q:v', jpegScale(poster.quality), '-f', 'mjpeg'];
  const one = ['-frames:v', '1'];
  return [
    { name, options: ['-map', '[poster]', ...one, ...codec, '-map_metadata', '-1', '-threads', '1'] },
    { name: SAMPLE, options: ['-map', '[poster-sample]', ...one, '-f', 'rawvideo'] },
  ];
}

/** Leaves the best candidate where the finished poster is expected. */
async function choose(made: Made, poster: PosterPlan, name: string): Promise<void> {
  const { signal } = made.step;
  const kept = made.partOf(name);
  const [first = 0, ...others] = poster.candidates;
  let best = await scoreOf(kept, made.partOf(SAMPLE), poster);
  // Nothing there yet: no run brought the first candidate along.
  const candidates = best === undefined ? [first, ...others] : others;
  let score = best ?? -Infinity;
  best = score;
  for (const at of candidates) {
    if (score >= 1) break;
    score = await tryCandidate(made, poster, at, best, kept);
    signal?.throwIfAborted();
    best = Math.max(best, score);
  }
  // The end of a file whose stated duration is too long has no pictures; its beginning has.
  if (best === -Infinity) best = await tryCandidate(made, poster, 0, best, kept);
  if (best === -Infinity) throw new DarkroomError('CorruptMedia', 'The video has no picture that can be read.');
}

/** @returns undefined where there is no sample; -Infinity where there is one without a picture */
async function scoreOf(picture: string, sample: string, poster: PosterPlan): Promise<number | undefined> {
  const pixels = await readFile(sample).catch(() => undefined);
  if (pixels === undefined) return undefined;
  if (pixels.length === 0) return -Infinity;
  const { width, height } = pictureSize(await readFile(picture), poster.format);
  if (width !== poster.width || height !== poster.height) {
    throw badOutput('The encoder wrote another picture than was asked for.', { width, height });
  }
  return scoreThumbnail(pixels, SAMPLE_WIDTH);
}

/** @returns the score, -Infinity where there is no picture; the picture replaces `kept` if it beats `best`. */
async function tryCandidate(made: Made, poster: PosterPlan, at: number, best: number, kept: string): Promise<number> {
  const { settings, signal, onProgress } = made.step;
  const picture = `${kept}.try`;
  const sample = `${picture}.grey`;
  try {
    await runFfmpeg(seekCommand(made.step, poster, at, { picture, sample }), { settings, signal, onProgress });
    const score = (await scoreOf(picture, sample, poster)) ?? -Infinity;
    if (score > best) await rename(picture, kept);
    return score;
  } finally {
    await Promise.all([picture, sample].map((file) => rm(file, { force: true })));
  }
}

/** One picture at `at` seconds, without decoding what is before it, and its sample. */
export function seekCommand(
  { input, probe, settings, maxDuration }: Pick<StepInput, 'input' | 'probe' | 'settings' | 'maxDuration'>,
  poster: PosterPlan,
  at: number,
  files: { picture: string; sample: string },
): FfmpegCommand {
  const [picture, sample] = outputs(poster, files.picture);
  const from = at + (probe.startsAt ?? 0) + (probe.clip?.start ?? 0);
  return {
    inputs: [
      { options: [...inputStart(settings.threads), ...(from > 0 ? ['-ss', String(from)] : [])], file: fileUrl(input) },
    ],
    filterGraph: seekGraph(probe, poster),
    outputs: [
      { options: picture.options, file: fileUrl(files.picture) },
      { options: sample.options, file: fileUrl(files.sample) },
    ],
    bounds: runBounds(probe, [], maxDuration),
  };
}

function seekGraph({ video }: MediaProbe, poster: PosterPlan): string {
  return `[0:${video.index}]${[...deinterlace(video), posterFilters(video, poster, 0)].join(',')}`;
}
