import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { forEachBounded } from '../common/for-each-bounded';
import type { TaskInput, TaskResult } from '../common/tasks';
import * as video from '../media/video';
import type { BranchId, Chunk, ChunkGroup, ChunkTrack, HlsFile, StepInput } from '../media/video';
import { runAttempt } from './attempt';
import { readLists, storeTracks } from './chunk-lists';
import type { ActivityDeps } from './deps';
import { rangeName } from './plan-tasks';
import { publishFiles } from './publish';
import { receiptOf } from './receipt';
import { withStepInput, type VideoWork } from './video';
import { fetchMade } from './fetch-made';
import { fetchSound, readPlan } from './video-tasks';

/** Files on their way at once: segments are small, and a store takes its time for each. */
const AT_ONCE = 8;

/**
 * One chunk of a long video: a range of its pictures, all rungs of a group over one decode, as segments. They lie in the
 * folder of intermediates under names that this attempt alone has, and a list beside them says what they are.
 * @throws ApplicationFailure; its details name the `range` that the chunk stands for
 */
export function makeChunk(deps: ActivityDeps, item: WorkItem, { plan, task }: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const work = await readPlan(deps, plan);
    const { group, chunk, range } = chunkOf(work, task.outputs);
    const onProgress = (progress: object): void => attempt.progress({ ...positionIn(chunk, progress), range });
    const encode = (input: StepInput) => {
      const make = () => video.makeChunk({ ...input, onProgress, plan: work.plan, group, chunk });
      return attempt.stages.run('encode', 'video', () => attempt.within('encode', deps.ffmpeg.stallMs, make));
    };
    const rungs = group.rungs.map((name): BranchId => `rung:${name}`);
    const tracks = await withStepInput(deps, attempt, item, work, encode, rungs).catch((error: unknown) => {
      throw error instanceof DarkroomError ? withRange(error, range) : error;
    });
    const list = await storeTracks(deps, attempt, item, tracks);
    return { renditions: [], attempt: attempt.writer.attempt, files: [list] };
  });
}

function chunkOf({ plan, probe }: VideoWork, outputs: string[]): { group: ChunkGroup; chunk: Chunk; range: string } {
  const [, at, index] = /^chunk:(\d+):(\d+)$/.exec(outputs[0] ?? '') ?? [];
  const group = plan.chunks?.groups[Number(at)];
  const chunk = group?.chunks[Number(index)];
  if (group === undefined || chunk === undefined) throw new DarkroomError('InvalidJob', 'This job has no such chunk.');
  return { group, chunk, range: rangeName(chunk, group.chunks[Number(index) + 1], probe.durationSeconds) };
}

/** Progress of a chunk as a position in the whole, seconds. */
function positionIn({ start }: Chunk, progress: object): object {
  return 'outTimeSeconds' in progress ? { ...progress, at: start + Number(progress.outTimeSeconds) } : progress;
}

function withRange(error: DarkroomError, range: string): DarkroomError {
  return new DarkroomError(error.type, error.message, { ...error.details, range }, { cause: error });
}

/** The MP4 of a rung, from its chunks and the sound. */
export function joinRung(deps: ActivityDeps, item: WorkItem, { plan, task, results }: TaskInput): Promise<TaskResult> {
  return runAttempt(deps, item, async (attempt) => {
    const work = await readPlan(deps, plan);
    const rung = work.plan.rungs.find(({ name }) => `rung:${name}` === task.outputs[0]);
    if (rung === undefined) throw new DarkroomError('InvalidJob', 'This job has no such rung.');
    const lists = await readLists(deps, results);
    const tracks = lists.flatMap(({ folder, tracks }) =>
      tracks.filter((track) => track.rung === rung.name).map((track) => ({ folder, track })),
    );
    const [first] = tracks;
    if (first === undefined) throw new DarkroomError('InternalError', 'A rung has no chunks.');
    const segments = tracks.flatMap(({ folder, track }) => track.segments.map((segment) => ({ folder, ...segment })));
    await mkdir(path.join(attempt.workDir, rung.name));
    const local = new Map<string, string>();
    const fetchTo = async ({ folder, path: name, bytes, sha256 }: HlsFile & { folder: string }): Promise<void> => {
      const uri = `${item.output}/${folder}/${name}`;
      local.set(name, await fetchMade(deps, attempt, { uri, bytes, sha256 }, name));
    };
    const pieces = [{ folder: first.folder, ...first.track.init }, ...segments];
    const fetch = () => forEachBounded(pieces, AT_ONCE, fetchTo, attempt.signal);
    await attempt.stages.run('fetch', 'stream', fetch);
    const sounds = await fetchSound(deps, attempt, results['sound']?.files ?? []);
    const join = () =>
      video.joinChunks({
        ...{ rung, probe: work.probe, outputDir: attempt.workDir, maxDuration: deps.config.maxDuration },
        ...{ settings: deps.ffmpeg, signal: attempt.signal, onProgress: attempt.progress },
        init: local.get(first.track.init.path) ?? '',
        segments: segments.map((segment) => local.get(segment.path) ?? ''),
        frames: tracks.reduce((sum, { track }) => sum + framesOf(track), 0),
        sound: rung.audioBitrate === undefined ? undefined : sounds[rung.audioBitrate],
      });
    const file = await attempt.stages.run('package', 'mp4', () => attempt.within('join', deps.ffmpeg.stallMs, join));
    const parts = tracks.map(({ track }) => ({ frames: framesOf(track), quality: track.quality }));
    const renditions = await publishFiles(deps, attempt, item, [{ ...file, ...video.joinedQuality(parts) }]);
    return { renditions, receipts: receiptOf(deps, attempt) };
  });
}

function framesOf({ segments }: ChunkTrack): number {
  return segments.reduce((sum, { frames }) => sum + frames, 0);
}
