import { readFile, rename, rm } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import { badOutput } from '../check/finish';
import { pictureSize } from '../check/picture';
import { runBounds } from '../ffmpeg/bounds';
import { fileUrl, inputStart, jpegScale, type FfmpegCommand } from '../ffmpeg/command';
import { runFfmpeg } from '../ffmpeg/run';
import type { MediaProbe, PosterPlan, StepInput } from '../types';
import type { Branch, Made, PlainOutput } from './branch';
import { AROUND_SECONDS, aroundBytes, deinterlace, posterFilters, SAMPLE_WIDTH } from './filters';
import { isTransition, scoreThumbnail } from './score-thumbnail';

/** The grey sample by which a picture is scored. */
const SAMPLE = 'poster.grey';
/** The pictures around it, which tell a transition. */
const AROUND = 'poster.around';

/**
 * The picture that stands for the video, as `poster.webp` or `poster.jpg`: the first candidate that is neither black nor
 * flat nor blurred nor in a transition, else the best of them. A run that decodes the pictures anyway brings the first candidate along; the
 * others are sought only where that one is no good.
 */
export function posterBranch(poster: PosterPlan): Branch {
  const name = `poster.${poster.format === 'webp' ? 'webp' : 'jpg'}`;
  const [first = 0] = poster.candidates;
  return {
    id: 'poster',
    names: [name],
    temporary: [SAMPLE, AROUND],
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

function outputs(poster: PosterPlan, name: string): [PlainOutput, PlainOutput, PlainOutput] {
  const codec =
    poster.format === 'webp'
      ? ['-c:v', 'libwebp', '-quality', String(poster.quality), '-compression_level', '2', '-f', 'webp']
      : ['-c:v', 'mjpeg', '-q:v', jpegScale(poster.quality), '-f', 'mjpeg'];
  const one = ['-frames:v', '1'];
  return [
    { name, options: ['-map', '[poster]', ...one, ...codec, '-map_metadata', '-1', '-threads', '1'] },
    { name: SAMPLE, options: ['-map', '[poster-sample]', ...one, '-f', 'rawvideo'] },
    { name: AROUND, options: ['-map', '[poster-around]', '-frames:v', '3', '-f', 'rawvideo'] },
  ];
}

/** Leaves the best candidate where the finished poster is expected. */
async function choose(made: Made, poster: PosterPlan, name: string): Promise<void> {
  const { signal } = made.step;
  const kept = made.partOf(name);
  const [first = 0, ...others] = poster.candidates;
  let best = await scoreOf({ picture: kept, sample: made.partOf(SAMPLE), around: made.partOf(AROUND) }, poster);
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

/** What is made of a candidate. */
interface Files {
  picture: string;
  sample: string;
  around: string;
}

/** @returns undefined where there is no sample; -Infinity where there is one without a picture */
async function scoreOf({ picture, sample, around }: Files, poster: PosterPlan): Promise<number | undefined> {
  const pixels = await readFile(sample).catch(() => undefined);
  if (pixels === undefined) return undefined;
  if (pixels.length === 0) return -Infinity;
  const { width, height } = pictureSize(await readFile(picture), poster.format);
  if (width !== poster.width || height !== poster.height) {
    throw badOutput('The encoder wrote another picture than was asked for.', { width, height });
  }
  const score = scoreThumbnail(pixels, SAMPLE_WIDTH);
  // Better than black, worse than any good one.
  return isTransition(await readFile(around), aroundBytes(poster)) ? Math.min(score, 1) / 2 : score;
}

/** @returns the score, -Infinity where there is no picture; the picture replaces `kept` if it beats `best`. */
async function tryCandidate(made: Made, poster: PosterPlan, at: number, best: number, kept: string): Promise<number> {
  const { settings, signal, onProgress } = made.step;
  const picture = `${kept}.try`;
  const files: Files = { picture, sample: `${picture}.grey`, around: `${picture}.around` };
  try {
    await runFfmpeg(seekCommand(made.step, poster, at, files), { settings, signal, onProgress });
    const score = (await scoreOf(files, poster)) ?? -Infinity;
    if (score > best) await rename(picture, kept);
    return score;
  } finally {
    await Promise.all(Object.values(files).map((file: string) => rm(file, { force: true })));
  }
}

/** One picture at `at` seconds, without decoding what is long before it, its sample and the pictures around it. */
export function seekCommand(
  { input, probe, settings, maxDuration }: Pick<StepInput, 'input' | 'probe' | 'settings' | 'maxDuration'>,
  poster: PosterPlan,
  at: number,
  files: Files,
): FfmpegCommand {
  const [picture, sample, around] = outputs(poster, files.picture);
  const lead = Math.min(at, AROUND_SECONDS);
  const from = at - lead + (probe.startsAt ?? 0) + (probe.clip?.start ?? 0);
  return {
    inputs: [
      { options: [...inputStart(settings.threads), ...(from > 0 ? ['-ss', String(from)] : [])], file: fileUrl(input) },
    ],
    filterGraph: seekGraph(probe, poster, lead),
    outputs: [
      { options: picture.options, file: fileUrl(files.picture) },
      { options: sample.options, file: fileUrl(files.sample) },
      { options: around.options, file: fileUrl(files.around) },
    ],
    bounds: runBounds(probe, [], maxDuration),
  };
}

function seekGraph({ video }: MediaProbe, poster: PosterPlan, lead: number): string {
  return `[0:${video.index}]${[...deinterlace(video), posterFilters(video, poster, lead)].join(',')}`;
}
