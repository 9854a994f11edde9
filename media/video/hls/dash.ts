import { videoRange } from '../hdr';
import type { Fragment } from './fragment';
import { INIT } from './command';
import { textSets, type Text } from './texts';
import type { Track } from './track';

/** A track as a manifest of DASH describes it. */
export interface Representation {
  /** Folder of its segments, relative to the manifest; also its id. */
  folder: string;
  track: Pick<Track, 'fragments' | 'timescale' | 'peak' | 'header'>;
  /** Frames a second, as a fraction; absent for sound. */
  fps?: string;
}

/**
 * A static manifest (MPEG-DASH, ISO/IEC 23009-1, live profile) over the segments that the HLS playlists name: numbered
 * from zero, each with its time and duration. Rungs of one codec, SDR or HDR, are one set, since players change within a set.
 * @param seconds of the longest track
 */
export function dashManifest(
  pictures: Representation[],
  sounds: readonly SoundSet[],
  seconds: number,
  texts: readonly Text[] = [],
): string {
  const kinds = [...new Set(pictures.map(kindOf))];
  const sets = kinds.map((kind) => pictures.filter((each) => kindOf(each) === kind));
  const hasSdr = pictures.some((each) => rangeOf(each) === 'SDR');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="${duration(seconds)}" minBufferTime="PT6S">`,
    `<Period id="0" start="PT0S">`,
    ...sets.flatMap((set, id) => adaptationSet(id, 'video', set, { attributes: '', about: colourOf(set, hasSdr) })),
    ...sounds.flatMap((sound, at) => adaptationSet(sets.length + at, 'audio', [sound], soundWords(sound, at))),
    ...textSets(texts, sets.length + sounds.length),
    '</Period>',
    '</MPD>',
    '',
  ].join('\n');
}

const duration = (seconds: number): string => `PT${seconds.toFixed(3)}S`;

const rangeOf = ({ track }: Representation) => videoRange(track.header.video?.colour?.transfer);

/** The type of the sample entry (`avc1` of `avc1.64001f`), and SDR or a kind of HDR. */
const kindOf = (each: Representation): string => `${each.track.header.codecs.replace(/\..*$/, '')} ${rangeOf(each)}`;

/**
 * What a player has to know of a set in HDR, by the numbers of ITU-T H.273. Where there is SDR beside it, a player that does
 * not know these properties has to leave the set alone; alone, it is better shown in odd colours than not at all.
 */
function colourOf([first]: Representation[], hasSdr: boolean): string[] {
  const colour = first?.track.header.video?.colour;
  if (first === undefined || colour === undefined || rangeOf(first) === 'SDR') return [];
  const element = hasSdr ? 'EssentialProperty' : 'SupplementalProperty';
  const { primaries, transfer, matrix } = colour;
  const values = { ColourPrimaries: primaries, TransferCharacteristics: transfer, MatrixCoefficients: matrix };
  return Object.entries(values).map(
    ([name, value]) => `<${element} schemeIdUri="urn:mpeg:mpegB:cicp:${name}" value="${value}"/>`,
  );
}

/** A sound of a language. */
interface SoundSet extends Representation {
  channels: 2 | 6;
  language?: string;
}

/** Attributes and roles that tell sounds apart; the first one is what a player begins with. */
function soundWords({ language }: SoundSet, at: number): { attributes: string; about: string[] } {
  const role = `<Role schemeIdUri="urn:mpeg:dash:role:2011" value="${at === 0 ? 'main' : 'alternate'}"/>`;
  return { attributes: language === undefined ? '' : ` lang="${language}"`, about: [role] };
}

function adaptationSet(
  id: number,
  kind: 'video' | 'audio',
  tracks: (Representation | SoundSet)[],
  { attributes, about }: { attributes: string; about: string[] },
): string[] {
  const start = `<AdaptationSet id="${id}" contentType="${kind}" mimeType="${kind}/mp4" segmentAlignment="true" startWithSAP="1"${attributes}>`;
  return [start, ...about, ...tracks.flatMap((each) => representation(each, kind)), '</AdaptationSet>'];
}

function representation(each: Representation | SoundSet, kind: 'video' | 'audio'): string[] {
  const { folder, track, fps } = each;
  const { codecs, video } = track.header;
  const shape =
    kind === 'video'
      ? ` width="${video?.width}" height="${video?.height}" sar="1:1"${fps === undefined ? '' : ` frameRate="${fps}"`}`
      : ' audioSamplingRate="48000"';
  const count = 'channels' in each ? each.channels : 2;
  const channels = `<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="${count}"/>`;
  return [
    `<Representation id="${folder}" codecs="${codecs}" bandwidth="${track.peak}"${shape}>`,
    ...(kind === 'audio' ? [channels] : []),
    `<SegmentTemplate timescale="${track.timescale}" startNumber="0" initialization="${folder}/${INIT}" media="${folder}/$Number%05d$.m4s">`,
    '<SegmentTimeline>',
    ...timeline(track.fragments),
    '</SegmentTimeline>',
    '</SegmentTemplate>',
    '</Representation>',
  ];
}

/** One line for each run of segments of the same length. */
function timeline(fragments: readonly Pick<Fragment, 'decodeTime' | 'duration'>[]): string[] {
  const runs: { time: number; duration: number; count: number }[] = [];
  for (const { decodeTime, duration } of fragments) {
    const last = runs.at(-1);
    if (last && last.duration === duration && last.time + last.count * duration === decodeTime) last.count++;
    else runs.push({ time: decodeTime, duration, count: 1 });
  }
  return runs.map(
    ({ time, duration, count }) => `<S t="${time}" d="${duration}"${count > 1 ? ` r="${count - 1}"` : ''}/>`,
  );
}
