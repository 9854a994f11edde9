import { codecRank } from '../codecs';
import type { VideoRange } from '../hdr';
import { INIT } from './command';
import type { Fragment } from './fragment';
import { soundLines, type SoundGroup } from './sounds';
import { textGroup, type Text } from './texts';

/** One cut piece of a track. */
export interface Segment {
  name: string;
  seconds: number;
}

/** What a variant of the multivariant playlist says. */
export interface Variant {
  uri: string;
  /** Bits a second of the pictures. */
  peak: number;
  /** Absent while the stream grows. */
  average?: number;
  /** RFC 6381. */
  codec: string;
  width: number;
  height: number;
  /** Frames a second. */
  rate: number;
  range: VideoRange;
  /** The playlist of its keyframes, and their bits a second at most; absent while the stream grows. */
  keyframes?: { uri: string; peak: number };
}

/**
 * The segments of a media playlist that ffmpeg wrote.
 * @throws Error where it is not whole
 */
export function readPlaylist(text: string): Segment[] {
  if (!isFinished(text)) throw new Error('the playlist has no end');
  return segmentsIn(text);
}

/** Does a media playlist say that nothing follows? */
export const isFinished = (text: string): boolean => /^#EXT-X-ENDLIST\s*$/m.test(text);

/** The segments of a media playlist, whole or not. */
export function segmentsIn(text: string): Segment[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line, at) => {
    const [, seconds] = /^#EXTINF:([\d.]+),/.exec(line) ?? [];
    return seconds === undefined ? [] : [{ name: lines[at + 1] ?? '', seconds: Number(seconds) }];
  });
}

/**
 * Peak and average of a track in bits a second, measured, as RFC 8216 defines them: the peak is the highest rate of any
 * run of segments that lasts between half and one and a half target durations.
 */
export function rates(segments: readonly { bytes: number; seconds: number }[]): { peak: number; average: number } {
  const target = Math.round(Math.max(...segments.map(({ seconds }) => seconds)));
  const average = rateOf(segments);
  let peak = average;
  for (let from = 0; from < segments.length; from++) {
    let seconds = 0;
    for (let to = from; to < segments.length && seconds <= 1.5 * target; to++) {
      seconds += segments[to]?.seconds ?? 0;
      if (seconds < 0.5 * target || seconds > 1.5 * target) continue;
      peak = Math.max(peak, rateOf(segments.slice(from, to + 1)));
    }
  }
  return { peak: Math.ceil(peak), average: Math.ceil(average) };
}

function rateOf(segments: readonly { bytes: number; seconds: number }[]): number {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  return (8 * bytes) / segments.reduce((sum, segment) => sum + segment.seconds, 0);
}

/**
 * A media playlist.
 * @param segmentSeconds length of a segment; the target duration must not change while a playlist grows
 * @param grows more will follow: players ask again, and begin at the start all the same
 */
export function mediaPlaylist(segments: readonly Segment[], segmentSeconds: number, grows = false): string {
  const target = Math.round(Math.max(1, segmentSeconds, ...(grows ? [] : segments.map(({ seconds }) => seconds))));
  const type = grows ? ['EVENT', '#EXT-X-START:TIME-OFFSET=0'] : ['VOD'];
  return [
    ...['#EXTM3U', '#EXT-X-VERSION:7', `#EXT-X-TARGETDURATION:${target}`, '#EXT-X-MEDIA-SEQUENCE:0'],
    ...[`#EXT-X-PLAYLIST-TYPE:${type.join('\n')}`, '#EXT-X-INDEPENDENT-SEGMENTS', `#EXT-X-MAP:URI="${INIT}"`],
    ...segments.flatMap(({ name, seconds }) => [`#EXTINF:${seconds.toFixed(6)},`, name]),
    ...(grows ? [''] : ['#EXT-X-ENDLIST', '']),
  ].join('\n');
}

/** Bits a second of the first pictures of segments alone, at most. */
export function keyframePeak(segments: readonly Segment[], fragments: readonly Fragment[]): number {
  return Math.ceil(
    Math.max(...segments.map(({ seconds }, at) => (8 * (fragments[at]?.keyframe.length ?? 0)) / seconds)),
  );
}

/** A playlist of the first picture of each segment, which is a keyframe: the part of the segment up to its end. */
export function keyframesOnly(segments: readonly Segment[], fragments: readonly Fragment[]): string {
  const lines = segments.flatMap(({ name, seconds }, at) => {
    const { offset = 0, length = 0 } = fragments[at]?.keyframe ?? {};
    return [`#EXTINF:${seconds.toFixed(6)},`, `#EXT-X-BYTERANGE:${length}@${offset}`, name];
  });
  const target = Math.ceil(Math.max(...segments.map(({ seconds }) => seconds)) - 0.001);
  const head = ['#EXTM3U', '#EXT-X-VERSION:7', `#EXT-X-TARGETDURATION:${target}`, '#EXT-X-PLAYLIST-TYPE:VOD'];
  return [...head, '#EXT-X-I-FRAMES-ONLY', `#EXT-X-MAP:URI="${INIT}"`, ...lines, '#EXT-X-ENDLIST', ''].join('\n');
}

/**
 * Variants in groups between which players do not change, so that each chooses one that the player can show, then a rate:
 * by codec, those first that more players decode, and SDR before HDR. Lowest rate first, since a player begins with the
 * first: it is there at once on any line.
 */
export function multivariant(
  variants: readonly Variant[],
  sounds: readonly SoundGroup[],
  texts: readonly Text[] = [],
): string {
  const sorted = [...variants].sort(
    (a, b) => Number(a.range !== 'SDR') - Number(b.range !== 'SDR') || codecRank(a) - codecRank(b) || a.peak - b.peak,
  );
  const hasHdr = variants.some(({ range }) => range !== 'SDR');
  const rangeOf = ({ range }: Variant): string => (hasHdr ? `,VIDEO-RANGE=${range}` : '');
  // Each variant with each group of sounds, and silent ones without.
  const pairs = (sounds.length === 0 ? [undefined] : sounds).flatMap((sound) =>
    sorted.map((variant) => ({ variant, sound })),
  );
  const streams = pairs.flatMap(({ variant, sound }) => [
    `#EXT-X-STREAM-INF:${[
      `BANDWIDTH=${variant.peak + (sound?.peak ?? 0)}`,
      ...(variant.average === undefined ? [] : [`AVERAGE-BANDWIDTH=${variant.average + (sound?.average ?? 0)}`]),
      `CODECS="${[variant.codec, ...(sound?.codecs ?? [])].join(',')}"`,
      `RESOLUTION=${variant.width}x${variant.height}`,
      `FRAME-RATE=${variant.rate.toFixed(3)}${rangeOf(variant)}`,
      ...(sound ? [`AUDIO="${sound.id}"`] : []),
      ...(texts.length > 0 ? ['SUBTITLES="text"'] : []),
    ].join(',')}`,
    variant.uri,
  ]);
  const keyframes = sorted.flatMap((variant) => {
    const { keyframes, codec, width, height } = variant;
    if (keyframes === undefined) return [];
    return `#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=${keyframes.peak},CODECS="${codec}",RESOLUTION=${width}x${height}${rangeOf(variant)},URI="${keyframes.uri}"`;
  });
  const head = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS'];
  return [...head, ...soundLines(sounds), ...textGroup(texts), ...streams, ...keyframes, ''].join('\n');
}
