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
 * from zero, each with its time and duration. Rungs of one codec are one set, since players change within a set.
 * @param seconds of the longest track
 */
export function dashManifest(
  pictures: Representation[],
  sound: Representation | undefined,
  seconds: number,
  texts: readonly Text[] = [],
): string {
  const codecs = [...new Set(pictures.map(codecOf))];
  const sets = codecs.map((codec) => pictures.filter((each) => codecOf(each) === codec));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="${duration(seconds)}" minBufferTime="PT6S">`,
    `<Period id="0" start="PT0S">`,
    ...sets.flatMap((set, id) => adaptationSet(id, 'video', set)),
    ...(sound ? adaptationSet(sets.length, 'audio', [sound]) : []),
    ...textSets(texts, sets.length + (sound ? 1 : 0)),
    '</Period>',
    '</MPD>',
    '',
  ].join('\n');
}

const duration = (seconds: number): string => `PT${seconds.toFixed(3)}S`;

/** The type of the sample entry: `avc1` of `avc1.64001f`. */
const codecOf = ({ track }: Representation): string => track.header.codecs.replace(/\..*$/, '');

function adaptationSet(id: number, kind: 'video' | 'audio', tracks: Representation[]): string[] {
  const start = `<AdaptationSet id="${id}" contentType="${kind}" mimeType="${kind}/mp4" segmentAlignment="true" startWithSAP="1">`;
  return [start, ...tracks.flatMap((each) => representation(each, kind)), '</AdaptationSet>'];
}

function representation({ folder, track, fps }: Representation, kind: 'video' | 'audio'): string[] {
  const { codecs, video } = track.header;
  const shape =
    kind === 'video'
      ? ` width="${video?.width}" height="${video?.height}" sar="1:1"${fps === undefined ? '' : ` frameRate="${fps}"`}`
      : ' audioSamplingRate="48000"';
  const channels =
    '<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>';
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
