import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Rendition, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { forEachBounded } from '../common/for-each-bounded';
import * as video from '../media/video';
import type { HlsFile, HlsPackage, HlsPlan, RungPlan } from '../media/video';
import { runAttempt, type Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { outputName } from './names';
import { publishAs } from './publish';
import type { VideoWork } from './video';

/** Files on their way into storage at once: segments are small, and a store takes its time for each. */
const AT_ONCE = 8;

/**
 * HLS of the rungs, which other steps have put into storage. The playlist that leads to everything is written last, and
 * the folder is named after what is in it, so that no other attempt and no other run changes what a player plays.
 */
export function packageHls(
  deps: ActivityDeps,
  item: WorkItem,
  work: VideoWork,
  renditions: Rendition[],
): Promise<Rendition> {
  return runAttempt(deps, item, async (attempt) => {
    const { hls, rungs: plans } = work.plan;
    if (!hls) throw new DarkroomError('InvalidJob', 'This job has no stream.');
    const rungs: { plan: RungPlan; file: string }[] = [];
    for (const [index, plan] of plans.entries()) {
      rungs.push({ plan, file: await fetchRung(deps, attempt, item, plan.name, renditions[index]) });
    }
    return publishStream(deps, attempt, item, await cutStream(deps, attempt, hls, rungs));
  });
}

/** HLS of finished MP4s, on the scratch disk. */
export function cutStream(
  deps: ActivityDeps,
  attempt: Attempt,
  hls: HlsPlan,
  rungs: { plan: RungPlan; file: string }[],
): Promise<HlsPackage> {
  const { workDir: outputDir, signal, progress: onProgress } = attempt;
  const step = { hls, rungs, outputDir, settings: deps.ffmpeg, signal, onProgress };
  const cut = () => attempt.within('package', deps.ffmpeg.stallMs, () => video.packageHls(step));
  return attempt.stages.run('package', 'hls', cut);
}

/** Puts a stream into storage; the playlist that leads to everything is written last. */
export async function publishStream(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  { playlist, files, segments, durationSeconds }: HlsPackage,
): Promise<Rendition> {
  const folder = outputName('hls', attempt.writer, contentOf([...files, playlist]));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const publish = async () => {
    await publishAll(deps, attempt, item, folder, files);
    await publishAs(deps, attempt, item, `${folder}/${playlist.path}`, playlist);
  };
  await attempt.stages.run('publish', 'stream', publish, () => bytes);
  return {
    ...{ name: 'hls', role: 'stream', path: `${folder}/${playlist.path}`, mime: playlist.mime },
    ...{ bytes: playlist.bytes, sha256: playlist.sha256, durationSeconds },
    ...{ segments: { count: segments, bytes }, receipt: attempt.receiptId },
  };
}

/** A hash over every file of a stream, with its name. */
function contentOf(files: HlsFile[]): string {
  const text = files.map(({ path, sha256 }) => `${sha256} ${path}\n`).join('');
  return createHash('sha256').update(text).digest('hex');
}

/** @throws DarkroomError InvalidJob when the rung is no longer the one that was encoded */
export async function fetchRung(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  name: string,
  rendition: Rendition | undefined,
): Promise<string> {
  if (rendition?.name !== name) throw new DarkroomError('InvalidJob', `There is no rung "${name}" in this job.`);
  const fetch = () =>
    deps.storage.fetch(`${item.output}/${rendition.path}`, path.join(attempt.workDir, `${name}.mp4`), {
      signal: attempt.signal,
      maxBytes: rendition.bytes,
      onProgress: (bytes) => attempt.progress({ step: 'fetch', bytes }),
    });
  const fetched = await attempt.stages.run('fetch', 'video', fetch, ({ bytes }) => bytes);
  if (fetched.sha256 === rendition.sha256) return fetched.path;
  throw new DarkroomError('InvalidJob', 'An output was replaced while it was being processed; submit it again.');
}

/** A few at a time; each that has arrived counts as progress. */
async function publishAll(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  folder: string,
  files: HlsFile[],
): Promise<void> {
  let published = 0;
  const publish = async (file: HlsFile): Promise<void> => {
    await publishAs(deps, attempt, item, `${folder}/${file.path}`, file);
    attempt.progress({ step: 'publish', files: ++published });
  };
  await forEachBounded(files, AT_ONCE, publish, attempt.signal);
}
