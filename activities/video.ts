import type { ItemResult, Manifest, Placeholder, Rendition, SourceFacts, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import type { ImageTask } from '../media/image/pool';
import { sectionOf } from '../media/presets';
import type { VideoPreset } from '../media/presets/schema';
import * as video from '../media/video';
import type { BranchId, MediaProbe, StepInput, VideoFile, VideoPlan } from '../media/video';
import type { Fetched } from '../storage';
import { runAttempt, type Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { alreadyPublished, publishedName, publishFile, publishFiles, publishManifest } from './publish';
import type { Receipts } from './receipt';
import { withMarks } from './marks';
import { fileFacts, withSource } from './source';

/** What the probe found out and every later step gets, through workflow history. */
export interface VideoWork {
  source: SourceFacts;
  probe: MediaProbe;
  plan: VideoPlan;
  /** Names of the rungs to make, in order. */
  rungs: string[];
  warnings: string[];
  /** As they were when the video was planned. */
  watermarks?: Manifest['watermarks'];
  /** Of a video in chunks: the folder of its stream, relative to the item's. */
  stream?: string;
  /** Captions, which are in storage already. */
  captions?: Rendition[];
  /** What looking at the source cost. */
  receipts?: Receipts;
}

export interface Poster {
  rendition: Rendition;
  placeholder: Placeholder;
}

/** Looks at the source and settles every number of what is to be made of it. */
export function probeVideo(deps: ActivityDeps, item: WorkItem): Promise<VideoWork> {
  return runAttempt(deps, item, (attempt) =>
    withSource(deps, attempt, item, (source) => inspect(deps, attempt, item, source), {
      again: false,
      keep: () => true,
    }),
  );
}

/** What a fetched source is, and the plan for it. */
export async function inspect(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  source: Fetched,
): Promise<VideoWork> {
  const preset = sectionOf(item.preset, 'video');
  const { maxDuration, maxStreams } = deps.config;
  const look = () =>
    video.probeVideo(source.path, { maxDuration, maxStreams }, deps.ffmpeg, attempt.signal, attempt.progress);
  const probe = await attempt.stages.run('probe', 'video', () => attempt.within('probe', deps.ffmpeg.stallMs, look));
  const part = video.clipProbe(probe, preset);
  const { settled, ladder } = await settle(deps, attempt, preset, stepInput(deps, attempt, { probe: part }, source));
  const plan: VideoPlan = { ...video.planVideo(part, settled), ...(ladder && { ladder }) };
  return {
    source: {
      ...fileFacts(item, source),
      format: probe.format,
      width: probe.video.displayWidth,
      height: probe.video.displayHeight,
      durationSeconds: probe.durationSeconds,
    },
    probe: part,
    plan,
    rungs: plan.rungs.map(({ name }) => name),
    warnings: video.leftOut(part, settled, plan),
  };
}

/** The preset with rungs that are chosen for this source, where it leaves them to samples. */
async function settle(
  deps: ActivityDeps,
  attempt: Attempt,
  preset: VideoPreset,
  input: StepInput,
): Promise<{ settled: VideoPreset; ladder?: VideoPlan['ladder'] }> {
  if (preset.ladder === undefined) return { settled: preset };
  const choose = () => attempt.within('ladder', deps.ffmpeg.stallMs, () => video.autoLadder(input, preset));
  const { rungs, ladder } = await attempt.stages.run('probe', 'ladder', choose);
  return { settled: { ...preset, rungs }, ladder };
}

/** One MP4. */
export function encodeRung(deps: ActivityDeps, item: WorkItem, work: VideoWork, name: string): Promise<Rendition> {
  return runAttempt(deps, item, async (attempt) => {
    const rung = work.plan.rungs.find((candidate) => candidate.name === name);
    if (!rung) throw new DarkroomError('InvalidJob', `There is no rung "${name}" in this job.`);
    const { made, seconds } = await withStepInput(deps, attempt, item, work, async (input) => {
      const started = performance.now();
      const encode = () => attempt.within('encode', deps.ffmpeg.stallMs, () => video.encodeRung({ ...input, rung }));
      const made = await attempt.stages.run('encode', rung.codec ?? 'h264', encode, ({ bytes }) => bytes);
      return { made, seconds: (performance.now() - started) / 1000 };
    });
    deps.metrics.darkroom_encode_speed_ratio.observe({ rung: name }, work.probe.durationSeconds / seconds);
    return publishFile(deps, attempt, item, made);
  });
}

/** The picture that stands for the video, and its placeholder. */
export function makePoster(deps: ActivityDeps, item: WorkItem, work: VideoWork): Promise<Poster> {
  return runAttempt(deps, item, async (attempt) => {
    const poster = work.plan.poster;
    if (!poster) throw new DarkroomError('InvalidJob', 'This job has no poster.');
    const made = await withStepInput(deps, attempt, item, work, (input) => {
      const makePoster = () =>
        attempt.within('poster', deps.ffmpeg.stallMs, () => video.makePoster({ ...input, poster }));
      return attempt.stages.run('poster', poster.format, makePoster, ({ bytes }) => bytes);
    });
    const placeholder = await placeholderOf(deps, attempt, made.file);
    return { rendition: await publishFile(deps, attempt, item, made), placeholder };
  });
}

/** Thumbnails for scrubbing: the sheets and the WebVTT that maps time to them. */
export function makeSprite(deps: ActivityDeps, item: WorkItem, work: VideoWork): Promise<Rendition[]> {
  return runAttempt(deps, item, async (attempt) => {
    const sprite = work.plan.sprite;
    if (!sprite) throw new DarkroomError('InvalidJob', 'This job has no sprite.');
    const sheetName = (sheet: VideoFile): string => publishedName(attempt, sheet);
    const made = await withStepInput(deps, attempt, item, work, (input) => {
      const draw = () =>
        attempt.within('sprite', deps.ffmpeg.stallMs, () => video.makeSprite({ ...input, sprite, sheetName }));
      return attempt.stages.run('sprite', 'jpeg', draw);
    });
    return publishFiles(deps, attempt, item, made);
  });
}

/** Writes the manifest over what the other steps have put into storage. */
export function publishVideo(
  deps: ActivityDeps,
  item: WorkItem,
  work: VideoWork,
  renditions: Rendition[],
  placeholder?: Placeholder,
): Promise<ItemResult> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, attempt, item);
    if (published) return published;
    const { source, warnings } = work;
    return publishManifest(deps, attempt, item, {
      source,
      renditions,
      placeholder,
      warnings,
      timings: attempt.stages.timings,
      severalAttempts: true,
    });
  });
}

/**
 * One step's work on the source.
 * @param branches what the step makes: those with a watermark get theirs
 * @throws DarkroomError SourceReplaced where the source is no longer the one that was probed
 */
export function withStepInput<T>(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  work: VideoWork,
  step: (input: StepInput) => Promise<T>,
  branches: readonly BranchId[] = [],
): Promise<T> {
  const use = (source: Fetched): Promise<T> => {
    if (source.sha256 !== work.source.sha256) {
      const message = 'The source was replaced while it was being processed; submit it again when it is final.';
      throw new DarkroomError('SourceReplaced', message);
    }
    return withMarks(deps, attempt, item, work, branches, (marks) =>
      step({ ...stepInput(deps, attempt, work, source), marks }),
    );
  };
  return withSource(deps, attempt, item, use, { again: true, keep: () => true });
}

/** What a run of ffmpeg over the source gets. */
export function stepInput(
  deps: ActivityDeps,
  attempt: Attempt,
  work: Pick<VideoWork, 'probe'>,
  source: Fetched,
): StepInput {
  return {
    input: source.path,
    outputDir: attempt.workDir,
    probe: work.probe,
    maxDuration: deps.config.maxDuration,
    settings: deps.ffmpeg,
    signal: attempt.signal,
    onProgress: attempt.progress,
  };
}

/** A ThumbHash of the poster, made where pictures are made: in a child process. */
export async function placeholderOf(deps: ActivityDeps, attempt: Attempt, poster: string): Promise<Placeholder> {
  const task: ImageTask = {
    input: poster,
    outputDir: attempt.workDir,
    preset: {
      animation: 'first',
      colour: 'srgb',
      renditions: [{ name: 'placeholder', format: 'png', width: 32, effort: 1 }],
    },
    limits: { maxPixels: deps.config.maxPixels, maxFrames: 1 },
    allowSvg: false,
  };
  const { placeholder } = await attempt.within('placeholder', deps.config.imageTimeout, () =>
    deps.images.run(task, attempt.signal),
  );
  return placeholder;
}
