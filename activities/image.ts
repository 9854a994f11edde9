import path from 'node:path';
import type { Findings } from '../common/analysis';
import type { ItemResult, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { makeFilm } from '../media/image/film';
import { SEQUENCE, sequenceAsApng } from '../media/image/film/sequence';
import type { Frames, ImageOutcome, ImageTask } from '../media/image/types';
import { sectionOf } from '../media/presets';
import type { ImagePreset } from '../media/presets/schema';
import type { Fetched } from '../storage';
import { runAttempt, type Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { alreadyPublished, publishFiles, publishManifest, type MadeFile } from './publish';
import { copyEarlier } from './reuse';
import { fileFacts, withSource } from './source';
import { withWatermarks, type FetchedWatermarks } from './watermarks';

/**
 * The whole way of one image: fetch, every rendition in a child process, publish.
 * @param findings what models found in it before
 * @throws ApplicationFailure with a type of the error table
 */
export function makeImage(deps: ActivityDeps, item: WorkItem, findings?: Findings): Promise<ItemResult> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, attempt, item);
    if (published) return published;

    const preset = sectionOf(item.preset, 'image');
    const work = async (source: Fetched, { files, facts }: FetchedWatermarks) => {
      const copied = await copyEarlier(deps, attempt, item, source, facts);
      if (copied) return { source, copied };
      const task: ImageTask = {
        input: source.path,
        outputDir: attempt.workDir,
        preset,
        limits: { maxPixels: deps.config.maxPixels, maxFrames: deps.config.maxFrames },
        allowSvg: deps.config.allowSvg,
        faces: findings?.analysis?.faces?.boxes,
        watermarks: files,
      };
      const make = () => runImage(deps, attempt, task);
      return { source, made: await attempt.within('image', deps.config.imageTimeout, make), watermarks: facts };
    };
    const { source, copied, made, watermarks } = await withWatermarks(deps, attempt, item, 'image', (marks) =>
      withSource(deps, attempt, item, (source) => work(source, marks)),
    );
    if (copied) return publishManifest(deps, attempt, item, copied);
    for (const [step, ms] of Object.entries(made.timings)) {
      const file = made.files.find(({ name }) => name === step);
      const start = made.startedAt[step] ?? Date.now() - ms;
      attempt.stages.ran(file ? 'encode' : step, file?.format ?? made.source.format, start, ms, file?.bytes);
    }
    const files: MadeFile[] = made.files.map(({ format: _format, ...file }) => ({ ...file, role: 'image' }));
    for (const frames of made.frames) files.push(await filmOf(deps, attempt, preset, frames));
    const renditions = await publishFiles(deps, attempt, item, inOrder(preset, files));
    return publishManifest(deps, attempt, item, {
      source: {
        ...fileFacts(item, source),
        ...made.source,
      },
      renditions,
      watermarks,
      placeholder: made.placeholder,
      perceptualHash: made.perceptualHash,
      analysis: findings?.analysis,
      receipts: findings?.receipts,
      warnings: [...made.warnings, ...(findings?.warnings ?? [])],
      timings: { ...attempt.stages.timings, ...made.timings },
    });
  });
}

/** The work of an image process. Of an AVIF animation it refuses to read, ffmpeg makes a file before that it reads. */
async function runImage({ images, ffmpeg }: ActivityDeps, attempt: Attempt, task: ImageTask): Promise<ImageOutcome> {
  const { signal, workDir } = attempt;
  try {
    return await images.run(task, signal);
  } catch (error) {
    if (!(error instanceof DarkroomError) || error.details['format'] !== SEQUENCE) throw error;
    const input = path.join(workDir, 'frames.png');
    await sequenceAsApng(task.input, input, task.limits, { settings: ffmpeg, signal });
    const made = await images.run({ ...task, input }, signal);
    return { ...made, source: { ...made.source, format: SEQUENCE } };
  }
}

/** The silent video or moving AVIF of a moving picture, from the frames that an image child has drawn. */
async function filmOf(
  { config, ffmpeg }: ActivityDeps,
  attempt: Attempt,
  { renditions }: ImagePreset,
  frames: Frames,
): Promise<MadeFile> {
  const spec = renditions.find(({ name }) => name === frames.name);
  if (spec === undefined) throw new Error(`the preset has no rendition ${frames.name}`);
  const { signal, workDir } = attempt;
  const onProgress = (progress: object): void => attempt.progress({ step: 'film', ...progress });
  const make = () => makeFilm(frames, spec, { outputDir: workDir, settings: ffmpeg, signal, onProgress });
  const run = () => attempt.within('film', config.imageTimeout, make);
  const film = await attempt.stages.run('encode', frames.format, run, ({ bytes }) => bytes);
  if (frames.format !== 'avif') return { ...film, role: 'video' };
  const { durationSeconds: _seconds, bitrate: _bitrate, ...picture } = film;
  return { ...picture, role: 'image' };
}

/** Files as the preset lists their renditions. */
function inOrder({ renditions }: ImagePreset, files: MadeFile[]): MadeFile[] {
  return renditions.flatMap((spec) => files.filter(({ name }) => name === spec.name));
}
