import type { WorkItem } from '../common/contracts';
import type { Playable } from '../common/playable';
import { DarkroomError } from '../common/errors';
import { contentTypeOf } from '../common/file-types';
import type { GrowthInput } from '../common/tasks';
import * as video from '../media/video';
import type { HlsPlan, RungPlan } from '../media/video';
import { publicUrl } from '../storage/public-url';
import { checkFence } from './attempt';
import { beating, type Beat } from './beating';
import { readLists } from './chunk-lists';
import type { ActivityDeps } from './deps';
import { copyTrack, readInit, soundsOf, storedOf, type Stored, type StreamSound } from './stored-stream';
import { readPlan } from './video-tasks';

/** Writers of one playlist that meet: an attempt that everybody believed dead, and the one after it. */
const TRIES = 5;

/**
 * Adds to the stream of a video in chunks what has been made since the last time, so that the beginning can be played
 * while the rest is encoded. Playlists only grow, and say that more will come; a finished playlist stays as it is, also
 * where an attempt comes late.
 * @param results the sound, and chunks in the order of the film, right behind those of the last time
 * @returns undefined where nothing can be played yet, or the stream is finished
 * @throws ApplicationFailure with a type of the error table
 */
export function growStream(
  deps: ActivityDeps,
  item: WorkItem,
  { plan, results }: GrowthInput,
): Promise<Playable | undefined> {
  return beating(deps, async (pulse) => {
    await checkFence(deps, item);
    const work = await readPlan(deps, plan);
    const { stream: folder } = work;
    const { hls, rungs } = work.plan;
    if (folder === undefined || hls === undefined) return undefined;
    const growth = { deps, item, folder, hls, pulse };
    // Read before the tracks: an attempt that finishes the stream meanwhile writes this playlist after the tracks.
    const before = await deps.storage.readText(`${item.output}/${folder}/${video.MASTER}`);
    const sounds = await soundsOf(deps, item, work, results);
    if (sounds === undefined) return undefined;
    const lists = await readLists(deps, results);
    const grown: { plan: RungPlan; seconds: number }[] = [];
    for (const rung of rungs) {
      const seconds = await growTrack(growth, video.pictureFolder(rung.name), storedOf(lists, rung.name, rung.fps));
      if (seconds === 'finished') return undefined;
      grown.push({ plan: rung, seconds });
    }
    const most = Math.max(...grown.map(({ seconds }) => seconds));
    if (most === 0) return undefined;
    // A rung that is behind the first one would make players wait.
    const isListed = (name: string): boolean => before?.text.includes(`\n${video.pictureFolder(name)}/`) === true;
    const listed = grown.filter(({ plan: { name }, seconds }) => seconds === most || isListed(name));
    for (const sound of sounds) await growSound(growth, sound);
    const isHeard = ({ folder: at }: StreamSound): boolean => before?.text.includes(`URI="${at}/`) === true;
    if (listed.some(({ plan: { name } }) => !isListed(name)) || !sounds.every(isHeard)) {
      const written = await writeMaster(growth, sounds, listed, before);
      if (!written && before === undefined) return undefined;
    }
    const path = `${folder}/${video.MASTER}`;
    const url = publicUrl(deps.config, item, path);
    return { path, seconds: most, ...(url !== undefined && { url }) };
  });
}

const TYPE = contentTypeOf(video.MASTER) ?? '';

interface Growth {
  deps: ActivityDeps;
  item: WorkItem;
  /** Of the stream, relative to the item's. */
  folder: string;
  hls: HlsPlan;
  pulse: Beat;
}

/** @returns seconds of the track that can be played */
async function growTrack(
  { deps: { storage }, item, folder, hls, pulse }: Growth,
  name: string,
  stored: Stored | undefined,
): Promise<number | 'finished'> {
  const uri = `${item.output}/${folder}/${name}/${video.PLAYLIST}`;
  for (let tries = 0; tries < TRIES; tries++) {
    const before = await storage.readText(uri);
    if (before !== undefined && video.isFinished(before.text)) return 'finished';
    const known = video.segmentsIn(before?.text ?? '');
    const names = new Set(known.map((segment) => segment.name));
    const fresh = (stored?.segments ?? []).filter((segment) => !names.has(segment.name));
    const all = [...known, ...fresh];
    const seconds = all.reduce((sum, segment) => sum + segment.seconds, 0);
    const [next] = fresh;
    if (stored === undefined || next === undefined) return seconds;
    if (parseInt(next.name, 10) !== known.length) throw new DarkroomError('InternalError', 'A stream has a gap.');
    const onCopy = (): void => pulse.progress({ step: 'publish', track: name });
    // The header is that of the first chunk.
    const there = new Set(known.length > 0 ? [`${folder}/${name}/${video.INIT}`] : []);
    const options = { signal: pulse.signal, there, onCopy };
    await copyTrack(storage, item, `${folder}/${name}`, { ...stored, segments: fresh }, options);
    pulse.throwIfOver();
    const text = video.mediaPlaylist(all, hls.segmentSeconds, true);
    if ((await storage.replaceText(uri, text, TYPE, before?.version)) === 'written') return seconds;
  }
  return 'finished';
}

/** A sound is there in two parts at most: its beginning, then the whole, which is the same in the end. */
async function growSound(
  { deps: { storage }, item, folder, hls, pulse }: Growth,
  { folder: name, stored, isWhole }: StreamSound,
): Promise<void> {
  const uri = `${item.output}/${folder}/${name}/${video.PLAYLIST}`;
  const before = await storage.readText(uri);
  if (before !== undefined && (!isWhole || video.isFinished(before.text))) return;
  const known = before === undefined ? [] : [video.INIT, ...video.segmentsIn(before.text).map((each) => each.name)];
  const there = new Set(known.map((each) => `${folder}/${name}/${each}`));
  const onCopy = (): void => pulse.progress({ step: 'publish', track: name });
  await copyTrack(storage, item, `${folder}/${name}`, stored, { signal: pulse.signal, there, onCopy });
  pulse.throwIfOver();
  const text = video.mediaPlaylist(stored.segments, hls.segmentSeconds, !isWhole);
  // Another attempt that writes the playlist meanwhile writes the same.
  await storage.replaceText(uri, text, TYPE, before?.version);
}

/** @returns false where another attempt has written the playlist meanwhile */
async function writeMaster(
  { deps, item, folder, hls, pulse }: Growth,
  sounds: StreamSound[],
  listed: { plan: RungPlan }[],
  before: { version: string } | undefined,
): Promise<boolean> {
  const rungs = [];
  for (const { plan } of listed) {
    const at = video.pictureFolder(plan.name);
    rungs.push({ plan, folder: at, init: await readInit(deps, `${item.output}/${folder}/${at}/${video.INIT}`) });
  }
  const { text } = video.growingMaster(
    hls,
    rungs,
    sounds.map(({ heard }) => heard),
  );
  pulse.throwIfOver();
  const written = await deps.storage.replaceText(
    `${item.output}/${folder}/${video.MASTER}`,
    text,
    TYPE,
    before?.version,
  );
  return written === 'written';
}
