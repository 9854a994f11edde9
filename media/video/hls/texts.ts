import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CaptionTrack } from '../../../common/video-facts';
import { cutCues, readCues, toWebVtt, type Cue } from '../captions/cues';
import type { HlsFile } from '../types';
import { PLAYLIST } from './command';
import { fileOf } from './file-of';

/** Seconds of one segment: captions are small. Their playlists may have a target duration of their own (RFC 8216, 6.2.4). */
const SEGMENT_SECONDS = 60;
/** The whole track, for DASH and for players without segments. */
export const WHOLE = 'captions.vtt';
/** The media's clock begins at zero in every track. */
const CLOCK = 'X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000';

/** Captions of a stream. */
export interface Text {
  track: CaptionTrack;
  /** Address of its playlist, relative to the multivariant one. */
  uri: string;
  /** Address of the whole track. */
  whole: string;
  /** Bits a second, of the whole. */
  rate: number;
  files: HlsFile[];
}

/**
 * Cuts finished captions into segments of WebVTT, in `<root>/<name>/`. A cue is in every segment during which it is shown.
 * @param seconds length of the stream
 */
export async function cutText(
  root: string,
  { name, file, track }: { name: string; file: string; track: CaptionTrack },
  seconds: number,
): Promise<Text> {
  const folder = path.join(root, name);
  await mkdir(folder);
  const files: HlsFile[] = [];
  const write = async (to: string, text: string, mime: string): Promise<void> => {
    await writeFile(path.join(folder, to), text);
    files.push(fileOf(Buffer.from(text), `${name}/${to}`, path.join(folder, to), mime));
  };
  const whole = await readFile(file, 'utf8');
  await write(WHOLE, whole, 'text/vtt');
  const cues = readCues(whole);
  const lines: string[] = [];
  for (let at = 0; at * SEGMENT_SECONDS < seconds; at++) {
    const segment = `${String(at).padStart(5, '0')}.vtt`;
    const length = Math.min(SEGMENT_SECONDS, seconds - at * SEGMENT_SECONDS);
    await write(segment, toWebVtt(during(cues, at * SEGMENT_SECONDS, length), [CLOCK]), 'text/vtt');
    lines.push(`#EXTINF:${length.toFixed(6)},`, segment);
  }
  const target = Math.ceil(Math.min(SEGMENT_SECONDS, seconds));
  const head = ['#EXTM3U', '#EXT-X-VERSION:7', `#EXT-X-TARGETDURATION:${target}`, '#EXT-X-PLAYLIST-TYPE:VOD'];
  await write(PLAYLIST, [...head, ...lines, '#EXT-X-ENDLIST', ''].join('\n'), 'application/vnd.apple.mpegurl');
  const rate = Math.ceil((8 * Buffer.byteLength(whole)) / Math.max(1, seconds));
  return { track, uri: `${name}/${PLAYLIST}`, whole: `${name}/${WHOLE}`, rate, files };
}

/** Cues that are shown during a part of the time, on the time of the whole. */
function during(cues: readonly Cue[], start: number, seconds: number): Cue[] {
  return cues.filter((cue) => cutCues([cue], start, seconds).length > 0);
}

/** What describes sounds and speakers, too. */
const SDH = 'public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound';

/** Lines of the multivariant playlist. */
export function textGroup(texts: readonly Text[]): string[] {
  return texts.map(({ track, uri }) =>
    [
      `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="${nameOf(texts, track)}"`,
      ...(track.language === 'und' ? [] : [`LANGUAGE="${track.language}"`]),
      `DEFAULT=NO,AUTOSELECT=YES,FORCED=${track.forced ? 'YES' : 'NO'}`,
      ...(track.sdh ? [`CHARACTERISTICS="${SDH}"`] : []),
      `URI="${uri}"`,
    ].join(','),
  );
}

/** Unique in its group, as RFC 8216 asks. */
function nameOf(texts: readonly Text[], track: CaptionTrack): string {
  const shown = ({ label, forced, sdh }: CaptionTrack) => `${label}${sdh ? ' (SDH)' : ''}${forced ? ' (forced)' : ''}`;
  const alike = texts.map((text) => text.track).filter((other) => shown(other) === shown(track));
  const number = alike.indexOf(track) + 1;
  return `${shown(track).replace(/["\r\n]/g, '')}${number > 1 ? ` ${number}` : ''}`;
}

/** Sets of a manifest of DASH, one for each track. @param first number of the first set */
export function textSets(texts: readonly Text[], first: number): string[] {
  return texts.flatMap(({ track, whole, rate }, index) => [
    `<AdaptationSet id="${first + index}" contentType="text" mimeType="text/vtt"${track.language === 'und' ? '' : ` lang="${track.language}"`}>`,
    `<Role schemeIdUri="urn:mpeg:dash:role:2011" value="${track.forced ? 'forced-subtitle' : track.sdh ? 'caption' : 'subtitle'}"/>`,
    `<Representation id="${path.posix.dirname(whole)}" bandwidth="${rate}"><BaseURL>${whole}</BaseURL></Representation>`,
    '</AdaptationSet>',
  ]);
}
