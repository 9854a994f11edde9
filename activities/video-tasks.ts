import { text } from 'node:stream/consumers';
import type { Analysis } from '../common/analysis';
import type { Rendition, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import type { PlanRef, Task, TaskInput, TaskResult, WorkFile } from '../common/tasks';
import * as video from '../media/video';
import type { BranchId, SoundFiles, StepInput, VideoFile } from '../media/video';
import { runAttempt, type Attempt } from './attempt';
import { fetchCaptions } from './captions';
import { readLists } from './chunk-lists';
import type { ActivityDeps } from './deps';
import { finishStream, storeSounds } from './stored-stream';
import { hashOf, outputName, workFolder } from './names';
import { fetchMade } from './fetch-made';
import { cutStream, fetchRung, publishStream } from './package';
import { alreadyPublished, publishAs, publishedName, publishFiles, publishManifest } from './publish';
import { receiptOf, type Receipts } from './receipt';
import { placeholderOf, withStepInput, type VideoWork } from './video';

/** Puts the facts of a video where its tasks find them, so that histories carry names only. */
export async function storePlan(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  work: VideoWork,
  tasks: Task[],
): Promise<PlanRef> {
  const plan = `${item.output}/${workFolder(attempt.writer.runId)}/plan.json`;
  attempt.created.add(plan);
  // Known before there is anything in it, since players are sent there while it grows.
  const isGrowing = work.plan.chunks !== undefined && work.plan.hls !== undefined;
  const stream = isGrowing ? outputName('hls', attempt.writer, hashOf(plan)) : undefined;
  const text = JSON.stringify({ ...work, stream, receipts: receiptOf(deps, attempt) } satisfies VideoWork);
  await deps.storage.writeText(plan, text, 'application/json');
  attempt.created.handOver();
  const { bytes, durationSeconds } = work.source;
  const window = work.plan.chunks && deps.config.chunkWindow;
  return {
    plan,
    tasks,
    ...(window !== undefined && { window }),
    ...(stream && { stream }),
    source: { bytes, durationSeconds },
  };
}

/** The sound of a video, once for each bitrate, for the rungs of other tasks. */
export function makeSound(deps: ActivityDeps, item: WorkItem, { plan, task }: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const work = await readPlan(deps, plan);
    const made = await makeBranches(deps, attempt, item, work, task.outputs);
    const files: WorkFile[] = [];
    for (const { name, file, mime, bytes, sha256 } of made) {
      const at = `${workFolder(attempt.writer.runId)}/${attempt.writer.attempt}-${name}`;
      await publishAs(deps, attempt, item, at, { file, mime, bytes, sha256 });
      files.push({ name, uri: `${item.output}/${at}`, bytes, sha256 });
    }
    if (work.stream !== undefined) files.push(await storeSounds(deps, attempt, item, work, made));
    return { renditions: [], files, receipts: receiptOf(deps, attempt) };
  });
}

/** The beginning of the sound, as segments of the stream: nothing else is made of it. */
export function makeSoundHead(deps: ActivityDeps, item: WorkItem, { plan, task }: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const work = await readPlan(deps, plan);
    const seconds = video.soundHead(work.plan, work.probe);
    if (seconds === undefined) throw new DarkroomError('InvalidJob', 'This job has no beginning of its sound.');
    const part = { ...work, probe: video.headOf(work.probe, seconds) };
    const made = await makeBranches(deps, attempt, item, part, task.outputs);
    const files = [await storeSounds(deps, attempt, item, part, made, 'head')];
    return { renditions: [], files, receipts: receiptOf(deps, attempt) };
  });
}

/** Some of a video's outputs, by one ffmpeg that decodes the source once. */
export function makeOutputs(deps: ActivityDeps, item: WorkItem, input: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const work = await readPlan(deps, input.plan);
    const soundFiles = await fetchSound(deps, attempt, input.results['sound']?.files ?? []);
    const files = await makeBranches(deps, attempt, item, work, input.task.outputs, soundFiles);
    const poster = files.find(({ role }) => role === 'poster');
    const placeholder = poster && (await placeholderOf(deps, attempt, poster.file));
    const renditions = await publishFiles(deps, attempt, item, files);
    return { renditions, placeholder, receipts: receiptOf(deps, attempt) };
  });
}

/** HLS of the rungs that other tasks have put into storage. */
export function packageStream(deps: ActivityDeps, item: WorkItem, { plan, results }: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const work = await readPlan(deps, plan);
    const { plan: outputs, captions } = work;
    const { hls, rungs: plans } = outputs;
    if (!hls) throw new DarkroomError('InvalidJob', 'This job has no stream.');
    const grown = await finishStream(deps, attempt, item, work, results);
    if (grown) return { renditions: grown, receipts: receiptOf(deps, attempt) };
    const made = renditionsOf(results);
    const rungs = [];
    for (const rung of plans) {
      const rendition = made.find(({ role, name }) => role === 'video' && name === rung.name);
      rungs.push({ plan: rung, file: await fetchRung(deps, attempt, item, rung.name, rendition) });
    }
    const texts = await fetchCaptions(deps, attempt, item, captions);
    const sounds = [];
    for (const track of outputs.tracks ?? []) {
      const file = results['sound']?.files?.find(({ name }) => name === track.name);
      if (file === undefined) throw new DarkroomError('InternalError', 'A sound of the stream was not made.');
      sounds.push({ track, file: await fetchMade(deps, attempt, file, `${track.name}.m4a`) });
    }
    const stream = await cutStream(deps, attempt, hls, rungs, { captions: texts, sounds });
    const renditions = await publishStream(deps, attempt, item, stream);
    return { renditions, receipts: receiptOf(deps, attempt) };
  });
}

/** Writes the manifest over what the other tasks have put into storage, and removes what was only for them. */
export function publishOutputs(deps: ActivityDeps, item: WorkItem, { plan, results }: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, attempt, item);
    if (published) return { renditions: [], result: published };
    const work = await readPlan(deps, plan);
    const { source, watermarks, warnings, captions = [], plan: outputs, receipts: probed } = work;
    const { timings } = attempt.stages;
    // The rungs in the order of the preset, whichever task was done first.
    const rungs = outputs.rungs.map(({ name }) => name);
    const renditions = [...renditionsOf(results), ...captions].sort(
      (a, b) => rank(a) - rank(b) || rungs.indexOf(a.name) - rungs.indexOf(b.name),
    );
    const placeholder = Object.values(results).find((result) => result.placeholder)?.placeholder;
    const made = [...Object.values(results), ...(await readLists(deps, results))];
    const chunks = outputs.chunks?.groups.reduce((sum, group) => sum + group.chunks.length, 0);
    const findings = Object.values(results).flatMap((result) => result.findings ?? []);
    const receipts = Object.assign({ ...probed }, ...[...made, ...findings].map((each) => each.receipts)) as Receipts;
    const found = findings.flatMap(({ analysis }) => analysis ?? []);
    const parts = {
      ...{ source, watermarks, renditions, placeholder, chunks, timings, receipts, severalAttempts: true },
      ladder: outputs.ladder,
      analysis: found.length === 0 ? undefined : (Object.assign({}, ...found) as Analysis),
      warnings: [...warnings, ...video.missedQuality(renditions), ...findings.flatMap((each) => each.warnings)],
    };
    return { renditions: [], result: await publishManifest(deps, attempt, item, parts) };
  });
}

/** Bytes of a plan: some kB for each rung. */
const MAX_PLAN_BYTES = 16 * 2 ** 20;

/** The order of a manifest: the stream, the rungs, the captions, the poster, the preview, then what serves for scrubbing. */
const RANKS: Partial<Record<Rendition['role'], number>> = {
  stream: 0,
  video: 1,
  captions: 2,
  poster: 3,
  preview: 4,
  sprite: 5,
  storyboard: 6,
};
const rank = ({ role }: Rendition): number => RANKS[role] ?? 7;

function renditionsOf(results: Record<string, TaskResult>): Rendition[] {
  return Object.values(results).flatMap(({ renditions }) => renditions);
}

/** Makes branches of the plan on the scratch disk. */
function makeBranches(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  work: VideoWork,
  branches: string[],
  soundFiles?: SoundFiles,
): Promise<VideoFile[]> {
  const ids = branches as BranchId[];
  const step = (input: StepInput): Promise<VideoFile[]> => {
    const sheetName = (sheet: Omit<VideoFile, 'file'>): string => publishedName(attempt, sheet);
    const all = { ...input, plan: work.plan, branches: ids, soundFiles, sheetName };
    const make = () => attempt.within('encode', deps.ffmpeg.stallMs, () => video.makeOutputs(all));
    return attempt.stages.run('encode', 'video', make);
  };
  return withStepInput(deps, attempt, item, work, step, ids);
}

/** Written by this run's own makeVideo, into a folder that nobody else writes to. */
export async function readPlan(deps: ActivityDeps, uri: string): Promise<VideoWork> {
  const { stream, info } = await deps.storage.openRead(uri);
  if (info.bytes > MAX_PLAN_BYTES) throw new DarkroomError('InternalError', 'The plan of this item is too large.');
  return JSON.parse(await text(stream)) as VideoWork;
}

export async function fetchSound(deps: ActivityDeps, attempt: Attempt, files: WorkFile[]): Promise<SoundFiles> {
  const sounds: SoundFiles = {};
  for (const file of files.filter(({ name }) => name.startsWith('sound-'))) {
    sounds[Number(/(\d+)k$/.exec(file.name)?.[1])] = await fetchMade(deps, attempt, file, `${file.name}.m4a`);
  }
  return sounds;
}
