import type { Analysis, Findings } from '../common/analysis';
import type { ItemResult, Placeholder, SourceFacts, WorkItem } from '../common/contracts';
import { DarkroomError, ERRORS } from '../common/errors';
import * as audio from '../media/audio';
import type { AudioFile, AudioOutcome } from '../media/audio';
import type { ImageTask } from '../media/image/types';
import { sectionOf } from '../media/presets';
import type { AudioPreset } from '../media/presets/schema';
import type { Fetched } from '../storage';
import { runAttempt, type Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { alreadyPublished, publishFiles, publishManifest } from './publish';
import { copyEarlier } from './reuse';
import { fileFacts, withSource } from './source';

/** Everything that was made of a sound, on the scratch disk and checked. */
interface MadeAudio {
  source: SourceFacts;
  files: AudioFile[];
  placeholder?: Placeholder;
  analysis?: Analysis;
  receipts?: Findings['receipts'];
  warnings: string[];
}

/**
 * The whole way of one sound: fetch, probe, one pass that measures and one that makes everything, the cover in a child
 * process, publish.
 * @throws ApplicationFailure with a type of the error table
 */
export function makeAudio(deps: ActivityDeps, item: WorkItem, findings?: Findings): Promise<ItemResult> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, attempt, item);
    if (published) return published;
    const { copied, made } = await withSource(deps, attempt, item, async (source) => {
      const copied = await copyEarlier(deps, attempt, item, source);
      return copied ? { copied } : { made: await makeSounds(deps, attempt, item, source) };
    });
    return made
      ? publishSounds(deps, attempt, item, withFindings(made, findings))
      : publishManifest(deps, attempt, item, copied);
  });
}

function withFindings(made: MadeAudio, { analysis, receipts, warnings }: Findings = { warnings: [] }): MadeAudio {
  return { ...made, analysis, receipts, warnings: [...made.warnings, ...warnings] };
}

/** What the preset wants of the sound in a fetched source. */
export async function makeSounds(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  source: Fetched,
): Promise<MadeAudio> {
  const preset = sectionOf(item.preset, 'audio');
  const { ffmpeg, config } = deps;
  const { signal, progress: onProgress, workDir: outputDir } = attempt;
  const stage = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    attempt.stages.run(name, 'audio', () => attempt.within(name, ffmpeg.stallMs, work));

  const probe = await stage('probe', () => audio.probeAudio(source.path, config, ffmpeg, signal, onProgress));
  const plan = audio.planAudio(probe, preset);
  const { maxDuration } = config;
  const input = { input: source.path, outputDir, probe, plan, maxDuration, settings: ffmpeg, signal, onProgress };
  const first = plan.target && (await stage('measure', () => audio.measureLoudness(input)));
  const made = await stage('encode', () => audio.encodeAudio(input, first));
  const { files, cover, loudness, durationSeconds } = made;
  const picture = cover === undefined ? { warnings: [] } : await makePoster(deps, attempt, preset, cover);
  return {
    source: {
      ...fileFacts(item, source),
      ...{ format: probe.format, durationSeconds, audio: { ...probe.facts, ...(loudness && { loudness }) } },
      ...(preset.metadata === 'keep' && { tags: probe.tags }),
    },
    files: [...files, ...(picture.poster ? [picture.poster] : [])],
    placeholder: picture.placeholder,
    warnings: [...made.warnings, ...picture.warnings],
  };
}

/** Puts what was made into storage, as an item of the kind `audio`. */
export async function publishSounds(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  { files, ...parts }: MadeAudio,
): Promise<ItemResult> {
  const renditions = await publishFiles(deps, attempt, item, files);
  return publishManifest(deps, attempt, item, {
    ...{ ...parts, kind: 'audio', renditions, timings: attempt.stages.timings },
  });
}

interface Picture {
  poster?: AudioFile;
  placeholder?: Placeholder;
  warnings: string[];
}

/** The cover, made by the recipe of images. One that is no picture costs the poster and not the sound. */
async function makePoster(
  deps: ActivityDeps,
  attempt: Attempt,
  { poster }: AudioPreset,
  cover: NonNullable<AudioOutcome['cover']>,
): Promise<Picture> {
  if (poster === undefined) return { warnings: [] };
  const { maxPixels, maxFrames, imageTimeout } = deps.config;
  const task: ImageTask = {
    ...{ input: cover, outputDir: attempt.workDir, limits: { maxPixels, maxFrames }, allowSvg: false },
    preset: { animation: 'first', colour: 'srgb', renditions: [{ name: 'poster', ...poster }] },
  };
  try {
    const make = () => attempt.within('poster', imageTimeout, () => deps.images.run(task, attempt.signal));
    const { files, placeholder, warnings } = await attempt.stages.run('poster', poster.format, make);
    const [made] = files;
    if (made === undefined) throw new Error('no poster was made');
    const { format: _format, ...file } = made;
    return { poster: { ...file, role: 'poster' }, placeholder, warnings };
  } catch (error) {
    if (!(error instanceof DarkroomError) || ERRORS[error.type].blame !== 'input') throw error;
    return { warnings: [`There is no poster, because the cover cannot be used: ${error.message}`] };
  }
}
