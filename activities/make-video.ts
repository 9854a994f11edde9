import type { ItemResult, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import type { PlanRef } from '../common/tasks';
import * as video from '../media/video';
import type { HlsPackage, Marks, VideoFile, VideoPlan } from '../media/video';
import type { Fetched } from '../storage';
import { makeSounds, publishSounds } from './audio';
import { runAttempt, type Attempt } from './attempt';
import { captionsOf } from './captions';
import type { ActivityDeps } from './deps';
import { cutStream, publishStream } from './package';
import { drawMarks } from './marks';
import { planTasks } from './plan-tasks';
import { alreadyPublished, publishedName, publishFiles, publishManifest } from './publish';
import { copyEarlier } from './reuse';
import { withSource } from './source';
import { inspect, placeholderOf, stepInput, type VideoWork } from './video';
import { storePlan } from './video-tasks';
import { withWatermarks, type FetchedWatermarks } from './watermarks';

/** A short video is made at once; a longer one is planned. */
export type VideoOutcome = { result: ItemResult } | { planned: PlanRef };

/**
 * The whole way of a short video: fetch, probe, plan, one ffmpeg that decodes the source once and makes everything, HLS
 * where the preset asks for it, checks, and publishing. A longer video is only looked at: its outputs are made by several
 * activities, so that a lost worker costs one of them and several workers share the work.
 * @throws ApplicationFailure with a type of the error table
 */
export function makeVideo(deps: ActivityDeps, item: WorkItem): Promise<VideoOutcome> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, attempt, item);
    if (published) return { result: published };

    const { shortVideo } = deps.config;
    // Models run elsewhere, so the poster has to be in storage before the item is published.
    const analyse = item.preset.video?.analyse ?? [];
    const look = async (source: Fetched, { files, facts }: FetchedWatermarks) => {
      const copied = await copyEarlier(deps, attempt, item, source, facts);
      if (copied) return { copied };
      const found = await inspect(deps, attempt, item, source).catch((error: unknown) => {
        if (item.preset.audio && isSoundOnly(error)) return undefined;
        throw error;
      });
      const work = found && { ...found, watermarks: facts };
      if (work === undefined) return { sound: await makeSounds(deps, attempt, item, source) };
      const costs = video.estimateCpuSeconds(work.probe, work.plan);
      const isShort = video.totalCost(costs) <= shortVideo && analyse.length === 0;
      const captions = await captionsOf(deps, attempt, item, work, source);
      work.warnings.push(...captions.warnings);
      if (isShort) {
        const marks = await drawMarks(deps, attempt, item, work.plan, video.branchIds(work.plan), files);
        return { work, made: await makeAll(deps, attempt, work, source, captions.files, marks) };
      }
      const chunked = await planChunked(deps, attempt, work, source);
      if (captions.files.length > 0) chunked.captions = await publishFiles(deps, attempt, item, captions.files);
      return { work: chunked, tasks: planTasks(chunked, costs, shortVideo / 2, analyse) };
    };
    const isPlanned = (found: { copied?: object; made?: object; sound?: object }): boolean =>
      (found.copied ?? found.made ?? found.sound) === undefined;
    const sharing = { again: false, keep: isPlanned };
    const { copied, sound, work, tasks, made } = await withWatermarks(deps, attempt, item, 'video', (marks) =>
      withSource(deps, attempt, item, (source) => look(source, marks), sharing),
    );
    if (copied) return { result: await publishManifest(deps, attempt, item, copied) };
    if (sound) return { result: await publishSounds(deps, attempt, item, sound) };
    if (made === undefined) {
      return { planned: await storePlan(deps, attempt, item, work, tasks) };
    }

    const { files, stream } = made;
    const poster = files.find(({ role }) => role === 'poster');
    const placeholder = poster && (await placeholderOf(deps, attempt, poster.file));
    const streams = stream ? await publishStream(deps, attempt, item, stream) : [];
    const renditions = [...streams, ...(await publishFiles(deps, attempt, item, files))];
    const { source, watermarks } = work;
    const warnings = [...work.warnings, ...video.missedQuality(renditions)];
    const { timings } = attempt.stages;
    return {
      result: await publishManifest(deps, attempt, item, {
        ...{ source, watermarks, renditions, placeholder, ladder: work.plan.ladder, warnings, timings },
      }),
    };
  });
}

/** The plan in chunks, where the video is long and can be decoded from any of its keyframes. */
async function planChunked(deps: ActivityDeps, attempt: Attempt, work: VideoWork, source: Fetched): Promise<VideoWork> {
  const plan = video.planChunks(work.probe, work.plan, deps.config.chunkCpu / 1000);
  if (plan === undefined) return work;
  const seek = () => video.canSeek(stepInput(deps, attempt, work, source));
  return (await attempt.within('probe', deps.ffmpeg.stallMs, seek)) ? { ...work, plan } : work;
}

/** Files of the containers of videos may well have no pictures. */
function isSoundOnly(error: unknown): boolean {
  return error instanceof DarkroomError && error.details['soundOnly'] === true;
}

/** Every output of the plan on the scratch disk, checked. */
async function makeAll(
  deps: ActivityDeps,
  attempt: Attempt,
  work: VideoWork,
  source: Fetched,
  captions: VideoFile[],
  marks: Marks,
): Promise<{ files: VideoFile[]; stream?: HlsPackage }> {
  const { plan, probe } = work;
  const sheetName = (sheet: Omit<VideoFile, 'file'>): string => publishedName(attempt, sheet);
  const input = { ...stepInput(deps, attempt, work, source), marks, plan, sheetName };
  const started = performance.now();
  const make = () => attempt.within('encode', deps.ffmpeg.stallMs, () => video.makeOutputs(input));
  const files = await attempt.stages.run('encode', 'video', make, totalBytes);
  const seconds = (performance.now() - started) / 1000;
  for (const { name } of plan.rungs) {
    deps.metrics.darkroom_encode_speed_ratio.observe({ rung: name }, probe.durationSeconds / seconds);
  }
  const texts = captions.flatMap(({ name, file, track }) => (track ? [{ name, file, track }] : []));
  const sounds = trackFiles(plan, files);
  const more = { captions: texts, sounds };
  const stream = plan.hls && (await cutStream(deps, attempt, plan.hls, rungFiles(plan, files), more));
  // Sounds alone are parts of the stream.
  return { files: [...files.filter(({ role }) => role !== 'audio'), ...captions], stream };
}

function rungFiles(plan: VideoPlan, files: VideoFile[]) {
  return plan.rungs.map((rung) => {
    const made = files.find(({ name, role }) => role === 'video' && name === rung.name);
    if (made === undefined) throw new Error(`the rung ${rung.name} was not made`);
    return { plan: rung, file: made.file };
  });
}

function trackFiles({ tracks = [] }: VideoPlan, files: VideoFile[]) {
  return tracks.flatMap((track) => {
    const made = files.find(({ name, role }) => role === 'audio' && name === track.name);
    return made === undefined ? [] : [{ track, file: made.file }];
  });
}

function totalBytes(files: VideoFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
