import { badOutput } from '../check/finish';
import { readHeader } from '../check/mp4';
import type { TrackSegment } from '../chunks/make-chunk';
import type { HlsPlan, RungPlan } from '../types';
import { INIT, KEYFRAMES, MASTER, MPD, PLAYLIST } from './command';
import { timescaleOf } from './fragment';
import { checkAligned, dashOf, variants, type Heard } from './package';
import { keyframesOnly, mediaPlaylist, multivariant, rates } from './playlist';
import { soundGroups } from './sounds';
import type { Text } from './texts';
import type { Track } from './track';

/** Streams whose segments lie in storage already: what their playlists say. */

/** A segment of a track. */
export type StoredSegment = Pick<TrackSegment, 'bytes' | 'seconds' | 'frames' | 'keyframe'> & {
  /** In the folder of its track. */
  name: string;
};

/**
 * A track of segments that were made before.
 * @param folder relative to the multivariant playlist @param init bytes of the header
 */
export function storedTrack(folder: string, init: Buffer, segments: readonly StoredSegment[]): Track {
  const timescale = timescaleOf(init);
  let decodeTime = 0;
  const fragments = segments.map(({ seconds, frames: samples, keyframe }) => {
    const duration = Math.round(seconds * timescale);
    decodeTime += duration;
    return { decodeTime: decodeTime - duration, duration, samples, keyframe };
  });
  const named = segments.map(({ name, seconds }) => ({ name, seconds }));
  const header = readHeader(init);
  return { uri: `${folder}/${PLAYLIST}`, header, segments: named, fragments, timescale, files: [], ...rates(segments) };
}

/** A text that is a file of a stream. */
export interface StreamText {
  /** Relative to the folder of the stream. */
  path: string;
  text: string;
}

/**
 * Every playlist of a finished stream and its manifests, in the order to publish: what leads to others comes after them.
 * @param rungs those of the pictures, in the same order
 * @throws DarkroomError EncoderFailed where the rungs do not line up
 */
export function finishedPlaylists(
  hls: HlsPlan,
  rungs: readonly RungPlan[],
  pictures: Track[],
  sounds: Heard[],
  texts: Text[],
): { playlists: StreamText[]; master: StreamText; dash?: StreamText; seconds: number } {
  checkAligned(pictures.map(({ segments }) => segments));
  const tracks = [...pictures, ...sounds.map(({ track }) => track)];
  const playlists = tracks.map((track) => wholePlaylist(track, hls));
  for (const { uri, segments, fragments } of pictures) {
    playlists.push({ path: uri.replace(PLAYLIST, KEYFRAMES), text: keyframesOnly(segments, fragments) });
  }
  const seconds = Math.max(...tracks.map(({ segments }) => segments.reduce((sum, each) => sum + each.seconds, 0)));
  const plans = rungs.map((plan) => ({ plan }));
  const text = multivariant(variants(plans, pictures), soundGroups(sounds), texts);
  const dash = hls.dash && { path: MPD, text: dashOf(plans, pictures, sounds, seconds, texts) };
  return { playlists, master: { path: MASTER, text }, ...(dash && { dash }), seconds };
}

/** The playlist of a track that is whole. */
export function wholePlaylist({ uri, segments }: Track, { segmentSeconds }: HlsPlan): StreamText {
  return { path: uri, text: mediaPlaylist(segments, segmentSeconds) };
}

/**
 * The multivariant playlist of a stream that grows: without the keyframes of its rungs, and with the rates that their
 * encoders are bound to, since what will come cannot be measured.
 * @param rungs those that can be played, with the bytes of their headers
 */
export function growingMaster(
  { segmentSeconds }: HlsPlan,
  rungs: readonly { plan: RungPlan; folder: string; init: Buffer }[],
  sounds: Heard[],
): StreamText {
  const pictures = rungs.map(({ plan, folder, init }) => {
    const track = storedTrack(folder, init, [EMPTY]);
    const [variant] = variants([{ plan }], [track]);
    if (variant === undefined) throw badOutput('A rung has no header.', { rung: plan.name });
    const peak = Math.ceil(1000 * (plan.maxrate + plan.bufsize / segmentSeconds));
    return { ...variant, peak, average: undefined, keyframes: undefined };
  });
  return { path: MASTER, text: multivariant(pictures, soundGroups(sounds)) };
}

/** Stands for segments that nobody knows yet. */
const EMPTY: StoredSegment = { name: INIT, bytes: 0, seconds: 1, frames: 1, keyframe: { offset: 0, length: 0 } };
