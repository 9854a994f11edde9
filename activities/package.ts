import path from 'node:path';
import type { Rendition, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { forEachBounded } from '../common/for-each-bounded';
import * as video from '../media/video';
import type { HlsFile, HlsPackage, HlsPlan, PackageInput, RungPlan } from '../media/video';
import { runAttempt, type Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { hashOf, outputName } from './names';
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
    const [stream] = await publishStream(deps, attempt, item, await cutStream(deps, attempt, hls, rungs));
    if (stream === undefined) throw new DarkroomError('InternalError', 'The stream was not published.');
    return stream;
  });
}

/** HLS of finished MP4s, on the scratch disk. */
export function cutStream(
  deps: ActivityDeps,
  attempt: Attempt,
  hls: HlsPlan,
  rungs: { plan: RungPlan; file: string }[],
  more: Pick<PackageInput, 'captions' | 'sounds'> = {},
): Promise<HlsPackage> {
  const { workDir: outputDir, signal, progress: onProgress } = attempt;
  const step = { ...more, hls, rungs, outputDir, settings: deps.ffmpeg, signal, onProgress };
  const cut = () => attempt.within('package', deps.ffmpeg.stallMs, () => video.packageHls(step));
  return attempt.stages.run('package', 'hls', cut);
}

/**
 * Puts a stream into storage; the playlist that leads to everything is written last.
 * @returns the stream by HLS, and by DASH where the plan asks for it
 */
export async function publishStream(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  { playlist, dash, files, segments, durationSeconds }: HlsPackage,
): Promise<Rendition[]> {
  const folder = outputName('hls', attempt.writer, contentOf([...files, playlist]));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const publish = async () => {
    await publishAll(deps, attempt, item, folder, files);
    for (const lead of [playlist, ...(dash ? [dash] : [])]) {
      await publishAs(deps, attempt, item, `${folder}/${lead.path}`, lead);
    }
  };
  await attempt.stages.run('publish', 'stream', publish, () => bytes);
  const rendition = (name: string, { path, mime, bytes, sha256 }: HlsFile): Rendition => ({
    ...{ name, role: 'stream', path: `${folder}/${path}`, mime, bytes, sha256, durationSeconds },
    receipt: attempt.receiptId,
  });
  // The segments are counted once.
  const hls = { ...rendition('hls', playlist), segments: { count: segments, bytes } };
  return [hls, ...(dash ? [rendition('dash', dash)] : [])];
}

/** A hash over every file of a stream, with its name. */
function contentOf(files: HlsFile[]): string {
  const text = files.map(({ path, sha256 }) => `${sha256} ${path}\n`).join('');
  return hashOf(text);
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
