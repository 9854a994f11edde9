import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { cacheControlOf } from '../common/cache-control';
import type { Rendition, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { contentTypeOf } from '../common/file-types';
import { forEachBounded } from '../common/for-each-bounded';
import type { TaskResult, WorkFile } from '../common/tasks';
import * as video from '../media/video';
import type { Heard, HlsFile, StoredSegment, StreamText, VideoFile } from '../media/video';
import type { Storage } from '../storage';
import type { Attempt } from './attempt';
import { fetchCaptions } from './captions';
import { readLists, storeTracks, type ChunkList } from './chunk-lists';
import type { ActivityDeps } from './deps';
import { hashOf } from './names';
import { filesIn } from './removal';
import type { VideoWork } from './video';

/**
 * The stream of a video in chunks is made of the segments of its chunks and of its sound: they lie among the intermediates,
 * under names of the attempt that made them, and get their second name in the folder of the stream. Which attempt that is
 * stands in the history, so a name there means the same bytes to every attempt that copies them.
 */

/** Files on their way at once. */
const AT_ONCE = 8;
/** Bytes of a header: some kB. */
const MAX_INIT_BYTES = 2 ** 20;

/** A track as its chunks have left it. Paths are relative to the item's folder. */
export interface Stored {
  init: string;
  segments: (StoredSegment & { from: string; sha256: string })[];
}

/** A sound of a stream. */
export interface StreamSound {
  /** Of its track, relative to the stream's. */
  folder: string;
  heard: Heard;
  stored: Stored;
  /** False: only its beginning is encoded so far. */
  isWhole: boolean;
}

/**
 * The segments of one track in all lists, in their order; undefined where there are none.
 * @param fps of pictures, as a fraction: the last segment of a chunk says that it lasts longer, by the pictures that its
 * encoder was behind
 */
export function storedOf(lists: readonly ChunkList[], name: string, fps?: string): Stored | undefined {
  const rate = fps === undefined ? undefined : video.fraction(fps);
  const own = lists.flatMap(({ folder, tracks }) =>
    tracks.filter((track) => track.rung === name).map((track) => ({ folder, track })),
  );
  const [first] = own;
  if (first === undefined) return undefined;
  const segments = own.flatMap(({ folder, track }) =>
    track.segments.map(({ path: at, sha256, bytes, seconds, frames, keyframe }) => ({
      ...{ name: path.posix.basename(at), from: `${folder}/${at}`, sha256, bytes, frames, keyframe },
      seconds: rate === undefined ? seconds : (frames * rate.den) / rate.num,
    })),
  );
  return { init: `${first.folder}/${first.track.init.path}`, segments };
}

/**
 * Cuts the sounds of a stream and puts their segments among the intermediates.
 * @param list `head`: of the beginning, whose last segment is left out, since the encoder did not know what follows
 */
export async function storeSounds(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  { plan }: VideoWork,
  made: VideoFile[],
  list: 'sounds' | 'head' = 'sounds',
): Promise<WorkFile> {
  const most = Math.max(0, ...plan.rungs.map(({ audioBitrate = 0 }) => audioBitrate));
  const root = path.join(attempt.workDir, 'sounds');
  await mkdir(root);
  const { signal, progress: onProgress } = attempt;
  const cut = { root, segmentSeconds: plan.hls?.segmentSeconds ?? 0, settings: deps.ffmpeg, signal, onProgress };
  const wanted = [
    { name: video.MAIN_SOUND, of: `sound-${most}k` },
    ...(plan.tracks ?? []).map(({ name }) => ({ name, of: name })),
  ];
  const tracks: video.ChunkTrack[] = [];
  for (const { name, of } of wanted) {
    const file = made.find((each) => each.name === of);
    if (file === undefined) throw new DarkroomError('InternalError', 'A sound of the stream was not made.');
    const work = () => attempt.within('package', deps.ffmpeg.stallMs, () => video.cutSound(cut, name, file.file));
    tracks.push(await attempt.stages.run('package', 'hls', work));
  }
  const isHead = list === 'head';
  const kept = isHead ? tracks.map((track) => ({ ...track, segments: track.segments.slice(0, -1) })) : tracks;
  return storeTracks(deps, attempt, item, kept, list);
}

/** A header's bytes. */
export async function readInit({ storage }: Pick<ActivityDeps, 'storage'>, uri: string): Promise<Buffer> {
  const { stream, info } = await storage.openRead(uri);
  if (info.bytes <= MAX_INIT_BYTES) return buffer(stream);
  stream.destroy();
  throw new DarkroomError('InternalError', 'The header of a track is too large.');
}

/** The sounds of a stream, described; undefined where not even their beginning is cut yet. */
export async function soundsOf(
  deps: Pick<ActivityDeps, 'storage'>,
  item: WorkItem,
  { plan }: VideoWork,
  results: Record<string, TaskResult>,
): Promise<StreamSound[] | undefined> {
  if (!plan.rungs.some(({ audioBitrate }) => audioBitrate !== undefined)) return [];
  const [heads, wholes] = [await readLists(deps, results, 'head'), await readLists(deps, results, 'sounds')];
  const main = { name: video.MAIN_SOUND, channels: 2 as const, language: plan.hls?.language };
  const sounds: StreamSound[] = [];
  for (const { name, channels, language } of [main, ...(plan.tracks ?? [])]) {
    const [head, whole] = [storedOf(heads, name), storedOf(wholes, name)];
    const stored = whole ?? head;
    if (stored === undefined) return undefined;
    // Encoders of two workers may differ: nothing that players may have is replaced.
    const folder = head && whole && !isBeginningOf(head, whole) ? `${name}-whole` : name;
    const init = await readInit(deps, `${item.output}/${stored.init}`);
    const track = video.storedTrack(folder, init, stored.segments);
    const heard = { track, channels, ...(language && { language }) };
    sounds.push({ folder, heard, stored, isWhole: whole !== undefined });
  }
  return sounds;
}

function isBeginningOf(head: Stored, whole: Stored): boolean {
  return head.segments.every(({ sha256 }, at) => whole.segments[at]?.sha256 === sha256);
}

/** Gives the files of a track their names in the stream. @param folder of the track, relative to the item's */
export async function copyTrack(
  storage: Storage,
  item: WorkItem,
  folder: string,
  { init, segments }: Stored,
  options: { signal?: AbortSignal; there?: ReadonlySet<string>; onCopy: () => void },
): Promise<void> {
  const files = [{ from: init, name: video.INIT }, ...segments];
  const missing = files.filter(({ name }) => options.there?.has(`${folder}/${name}`) !== true);
  const copy = async ({ from, name }: { from: string; name: string }): Promise<void> => {
    options.signal?.throwIfAborted();
    await storage.copy(`${item.output}/${from}`, `${item.output}/${folder}/${name}`, options.signal);
    options.onCopy();
  };
  await forEachBounded(missing, AT_ONCE, copy, options.signal);
  options.signal?.throwIfAborted();
}

/** Writes a playlist or a manifest of a stream: browsers and caches ask for it anew each time. */
export async function writeStreamText(
  storage: Storage,
  item: WorkItem,
  folder: string,
  { path: name, text }: StreamText,
): Promise<void> {
  await storage.writeText(`${item.output}/${folder}/${name}`, text, contentTypeOf(name) ?? 'text/plain');
}

/**
 * Makes a stream whole: the segments that are missing, the captions, then every playlist as it stays, that which leads to
 * the others last.
 * @returns undefined where the stream is not one that grows, or a worker of an earlier version made a part of it
 * @throws DarkroomError EncoderFailed where pictures are missing or the rungs do not line up
 */
export async function finishStream(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  work: VideoWork,
  results: Record<string, TaskResult>,
): Promise<Rendition[] | undefined> {
  const { stream: folder, plan, captions } = work;
  if (folder === undefined || plan.hls === undefined) return undefined;
  const { hls } = plan;
  const sounds = await soundsOf(deps, item, work, results);
  if (sounds === undefined || sounds.some(({ isWhole }) => !isWhole)) return undefined;
  const lists = await readLists(deps, results);
  const films = plan.rungs.map(({ name, fps }) => filmOf(lists, name, fps, results));
  const { storage } = deps;
  const there = new Set<string>();
  for await (const uri of filesIn(storage, `${item.output}/${folder}`, attempt.log))
    there.add(uri.slice(item.output.length + 1));
  let copied = 0;
  const onCopy = (): void => attempt.progress({ step: 'publish', files: ++copied });
  const inits: Buffer[] = [];
  let bytes = 0;
  const parts = [
    ...films.map(({ name, stored }) => ({ at: video.pictureFolder(name), stored })),
    ...sounds.map(({ folder: at, stored }) => ({ at, stored })),
  ];
  await attempt.stages.run('publish', 'stream', async () => {
    for (const { at, stored } of parts) {
      await copyTrack(storage, item, `${folder}/${at}`, stored, { signal: attempt.signal, there, onCopy });
      const init = await readInit(deps, `${item.output}/${stored.init}`);
      inits.push(init);
      bytes += init.length + stored.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    }
  });
  const pictures = films.map(({ name, stored }, at) =>
    video.storedTrack(video.pictureFolder(name), inits[at] ?? Buffer.alloc(0), stored.segments),
  );
  const texts = await cutTexts(deps, attempt, item, folder, captions, pictures);
  const heard = sounds.map((sound) => sound.heard);
  const { playlists, master, dash, seconds } = video.finishedPlaylists(hls, plan.rungs, pictures, heard, texts);
  attempt.throwIfOver();
  for (const text of [...playlists, ...(dash ? [dash] : []), master])
    await writeStreamText(storage, item, folder, text);
  bytes += [
    ...playlists.map(({ text }) => Buffer.byteLength(text)),
    ...texts.flatMap(({ files }) => files.map((file) => file.bytes)),
  ].reduce((a, b) => a + b, 0);
  const count = parts.reduce((sum, { stored }) => sum + stored.segments.length, 0);
  const rendition = (name: string, { path: at, text }: StreamText): Rendition => ({
    ...{ name, role: 'stream', path: `${folder}/${at}`, mime: contentTypeOf(at) ?? 'text/plain' },
    ...{ bytes: Buffer.byteLength(text), sha256: hashOf(text) },
    ...{ durationSeconds: seconds, receipt: attempt.receiptId },
  });
  return [{ ...rendition('hls', master), segments: { count, bytes } }, ...(dash ? [rendition('dash', dash)] : [])];
}

/** The pictures of a rung, of which the MP4 has as many. */
function filmOf(
  lists: ChunkList[],
  name: string,
  fps: string | undefined,
  results: Record<string, TaskResult>,
): { name: string; stored: Stored } {
  const stored = storedOf(lists, name, fps);
  const film = Object.values(results)
    .flatMap(({ renditions }) => renditions)
    .find((each) => each.role === 'video' && each.name === name);
  const frames = stored?.segments.reduce((sum, segment) => sum + segment.frames, 0);
  if (stored !== undefined && frames === film?.frames) return { name, stored };
  throw new DarkroomError('EncoderFailed', 'Pictures of the stream are missing.', { rung: name, frames });
}

/** Captions are small: each attempt cuts them, and finds those of an earlier one in their place. */
async function cutTexts(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  folder: string,
  captions: Rendition[] | undefined,
  pictures: { segments: { seconds: number }[] }[],
) {
  const root = path.join(attempt.workDir, 'texts');
  await mkdir(root);
  const seconds = Math.max(...pictures.map(({ segments }) => segments.reduce((sum, each) => sum + each.seconds, 0)));
  const texts = [];
  for (const each of await fetchCaptions(deps, attempt, item, captions))
    texts.push(await video.cutText(root, each, seconds));
  const publish = async ({ path: name, file, mime, bytes, sha256 }: HlsFile): Promise<void> => {
    // Not the attempt's own: another one may count on it.
    const cacheControl = cacheControlOf(name, item.preset.cacheControl);
    const options = { contentType: mime, cacheControl, bytes, sha256, signal: attempt.signal };
    await deps.storage.publishFile(file, `${item.output}/${folder}/${name}`, options);
  };
  await forEachBounded(
    texts.flatMap(({ files }) => files),
    AT_ONCE,
    publish,
    attempt.signal,
  );
  return texts;
}
