import { fraction } from '../fraction';
import { isHdrTransfer } from '../hdr';
import { languageTag } from '../captions/languages';
import { kbps, known, positive, streamDuration } from './values';
import { captionStreams } from './caption-streams';
import type { AudioStream, MediaProbe, VideoStream } from '../types';

/** What of ffprobe's JSON is read. Numbers come as text in places, and any field may be missing. */
export interface FfprobeJson {
  format?: { duration?: string; bit_rate?: string; size?: string; tags?: Record<string, string | undefined> };
  streams?: FfprobeStream[];
}

export interface FfprobeStream {
  index: number;
  codec_type?: string;
  codec_name?: string;
  codec_tag_string?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  pix_fmt?: string;
  field_order?: string;
  color_range?: string;
  color_space?: string;
  color_transfer?: string;
  color_primaries?: string;
  avg_frame_rate?: string;
  r_frame_rate?: string;
  start_time?: string;
  duration?: string;
  bit_rate?: string;
  nb_frames?: string;
  channels?: number;
  sample_rate?: string;
  disposition?: Partial<Record<(typeof DISPOSITIONS)[number], number>>;
  tags?: Record<string, string | undefined>;
  side_data_list?: { rotation?: number; dv_profile?: number }[];
}

/** Flags of a stream that say what it is for. */
const DISPOSITIONS = [
  ...(['default', 'attached_pic', 'timed_thumbnails', 'still_image', 'dependent'] as const),
  ...(['forced', 'comment', 'hearing_impaired', 'visual_impaired', 'karaoke'] as const),
];

/** The fields above, as `-show_entries` wants them: the answer stays small whatever the file claims in its tags. */
export const FFPROBE_ENTRIES = [
  'format=duration,bit_rate,size',
  'stream=index,codec_type,codec_name,codec_tag_string,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'stream=color_range,color_space,color_transfer,color_primaries,avg_frame_rate,r_frame_rate,duration,bit_rate',
  'stream=nb_frames,channels,sample_rate,start_time',
  `stream_disposition=${DISPOSITIONS.join()}:stream_tags=DURATION,language:stream_side_data=rotation,dv_profile`,
].join(':');

const INTERLACED = ['tt', 'bb', 'tb', 'bt'];

/** What is counted by reading packets, for files whose header does not say. */
export interface PacketCount {
  /** By the times of the packets; absent where they have none. */
  durationSeconds?: number;
  frames: number;
  /** How often the clock jumps, as it does between recordings that were joined. */
  jumps: number;
  /** From the first picture to the first keyframe. */
  undecodableSeconds?: number;
}

/** Containers without a header for the whole: joined recordings are one file, and what is stated comes from both its ends. */
const JOINABLE = ['mpegts', 'mpegps'];
/** Bare streams, whose packets have no times. */
const TIMELESS = ['h264', 'hevc'];

/** Matroska states ends, and not lengths: a recording whose clock begins later than this, s, is not as long as it says. */
const LATE_START = 0.5;

/** The same without the durations that count from before the first picture. */
export function withTrueDurations(json: FfprobeJson, format: string): FfprobeJson {
  const isLate = Number(pictureStream(json)?.start_time) > LATE_START;
  return isLate && ['mkv', 'webm'].includes(format) ? withoutDurations(json) : json;
}

/** Is the only way to know the duration to read every packet? */
export function needsCount(json: FfprobeJson, format: string): boolean {
  return JOINABLE.includes(format) || TIMELESS.includes(format) || statedDuration(json) === undefined;
}

/** A still among moving pictures lasts less than this part of the longest. */
const STILL_PART = 0.1;
/** Codecs of cover pictures, where nothing tells how long the stream is. */
const COVER_CODECS = ['mjpeg', 'png', 'bmp', 'gif', 'webp'];

/**
 * The picture: of the video streams with a size that are not flagged as cover art, thumbnails or parts of another stream, the
 * first by these rules, in turn. It moves (covers are also stored as ordinary streams of one picture); it is flagged as
 * default; it has the most pixels (depth and gain maps are smaller than what they belong to); it comes first.
 */
export function pictureStream(json: FfprobeJson): FfprobeStream | undefined {
  const all = (json.streams ?? []).filter(
    ({ codec_type, codec_name, disposition = {}, width, height }) =>
      codec_type === 'video' &&
      known(codec_name) &&
      !(disposition.attached_pic || disposition.timed_thumbnails || disposition.dependent) &&
      Number(width) > 0 &&
      Number(height) > 0,
  );
  const longest = Math.max(0, ...all.map((stream) => streamDuration(stream) ?? 0));
  const isStill = (stream: FfprobeStream) => {
    const seconds = streamDuration(stream);
    if (stream.disposition?.still_image || Number(stream.nb_frames) === 1) return true;
    return seconds === undefined ? COVER_CODECS.includes(stream.codec_name ?? '') : seconds < STILL_PART * longest;
  };
  const pixels = ({ width, height }: FfprobeStream) => Number(width) * Number(height);
  return best(all, (stream) => [Number(!isStill(stream)), stream.disposition?.default ?? 0, pixels(stream)]);
}

const isSound = ({ codec_type, codec_name, channels }: FfprobeStream) =>
  codec_type === 'audio' && known(codec_name) !== undefined && Number(channels) > 0;

/** Dolby Vision without pictures that other decoders can show: the colours of profile 5 are of a kind of their own. */
export function isDolbyVisionOnly({ side_data_list = [] }: FfprobeStream): boolean {
  return side_data_list.some(({ dv_profile }) => dv_profile === 5);
}

/** The sound: not a commentary or a description where there is another; flagged as default; the first. */
export function soundStream(json: FfprobeJson): FfprobeStream | undefined {
  const all = (json.streams ?? []).filter(isSound);
  return best(all, ({ disposition = {} }) => {
    const { comment, hearing_impaired, visual_impaired, karaoke } = disposition;
    return [Number(!(comment || hearing_impaired || visual_impaired || karaoke)), disposition.default ?? 0];
  });
}

/** The stream with the highest ranks, compared in turn; the first of equals. */
function best(streams: FfprobeStream[], ranks: (stream: FfprobeStream) => number[]): FfprobeStream | undefined {
  const compare = (a: number[], b: number[]) =>
    a.map((rank, at) => (b[at] ?? 0) - rank).find((diff) => diff !== 0) ?? 0;
  return [...streams].sort((a, b) => compare(ranks(a), ranks(b)))[0];
}

/** Streams of pictures, sound and subtitles: attached files and data are not counted. */
export function countStreams(json: FfprobeJson): number {
  return (json.streams ?? []).filter(({ codec_type = '' }) => ['video', 'audio', 'subtitle'].includes(codec_type))
    .length;
}

/** Seconds of the whole, if the file says. */
function statedDuration(json: FfprobeJson): number | undefined {
  const [video, audio] = [pictureStream(json), soundStream(json)].map((stream) => stream && streamDuration(stream));
  // The container's figure counts from zero even where the streams start later, so the streams' own come first.
  if (video !== undefined) return Math.max(video, audio ?? 0);
  return positive(json.format?.duration);
}

/** ffprobe's answer as a {@link MediaProbe}; pure. `counted` where {@link needsCount} asks for it. */
export function toProbe(json: FfprobeJson, format: string, counted?: PacketCount): MediaProbe | undefined {
  const picture = pictureStream(json);
  if (picture === undefined) return undefined;
  // Both ends of joined recordings say nothing of what is between, so only what was counted holds.
  const joined = counted !== undefined && counted.jumps > 0;
  const probe = probeOf(joined ? withoutDurations(json) : json, format, counted);
  // A capture that begins between two keyframes: what is before the first one cannot be decoded.
  const skip = JOINABLE.includes(format) && !joined ? (counted?.undecodableSeconds ?? 0) : 0;
  if (probe === undefined || skip === 0 || skip >= probe.durationSeconds)
    return joined && probe ? { ...probe, joined } : probe;
  const { video, durationSeconds } = probe;
  const left = (seconds: number) => Math.max(0.001, seconds - skip);
  return {
    ...probe,
    durationSeconds: left(durationSeconds),
    video: {
      ...video,
      ...(video.durationSeconds !== undefined && { durationSeconds: left(video.durationSeconds) }),
      frames: Math.max(1, Math.round((video.frames * left(durationSeconds)) / durationSeconds)),
    },
    startsAt: skip,
  };
}

function withoutDurations({ format, streams }: FfprobeJson): FfprobeJson {
  const bare = (streams ?? []).map((stream) => ({
    ...stream,
    duration: undefined,
    tags: undefined,
    bit_rate: undefined,
  }));
  return { format: { ...format, duration: undefined, bit_rate: undefined }, streams: bare };
}

function probeOf(json: FfprobeJson, format: string, counted?: PacketCount): MediaProbe | undefined {
  const picture = pictureStream(json);
  const sound = soundStream(json);
  if (picture === undefined) return undefined;
  const { num, den } = fraction(picture.r_frame_rate, { num: 25, den: 1 });
  // A bare stream has no times: its pictures follow each other at the rate that it states.
  const byRate = counted && (counted.frames * den) / num;
  const durationSeconds = statedDuration(json) ?? counted?.durationSeconds ?? byRate;
  if (durationSeconds === undefined) return undefined;
  return {
    format,
    durationSeconds,
    bitrateKbps: kbps(json.format?.bit_rate) ?? kbps(((positive(json.format?.size) ?? 0) * 8) / durationSeconds),
    video: videoStream(picture, format, durationSeconds, counted),
    ...(sound && { audio: audioStream(sound) }),
    ...soundStreams(json),
    ...captionStreams(json.streams ?? []),
    streams: countStreams(json),
  };
}

function videoStream(stream: FfprobeStream, format: string, fileDuration: number, counted?: PacketCount): VideoStream {
  const width = Number(stream.width);
  const height = Number(stream.height);
  const turn = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  // ffprobe counts anticlockwise.
  const rotation = (((Math.round(-turn / 90) * 90) % 360) + 360) % 360;
  const sar = fraction(stream.sample_aspect_ratio);
  // Square pixels by the width: the lines stay as they were coded.
  const square = { width: Math.round((width * sar.num) / sar.den), height };
  const upright = rotation % 180 === 0 ? square : { width: square.height, height: square.width };
  const durationSeconds = streamDuration(stream);
  const duration = durationSeconds ?? fileDuration;
  // Packets of broadcasts are no proof: a joint may lose some, and a field may be a packet.
  const frames = positive(stream.nb_frames) ?? (JOINABLE.includes(format) ? undefined : counted?.frames);
  const rate = frameRate(stream, frames === undefined ? undefined : frames / duration);
  return {
    index: stream.index,
    codec: stream.codec_name ?? '',
    tag: stream.codec_tag_string,
    width,
    height,
    displayWidth: Math.max(1, upright.width),
    displayHeight: upright.height,
    rotation,
    sar: `${sar.num}:${sar.den}`,
    ...rate,
    pixFmt: stream.pix_fmt ?? '',
    interlaced: INTERLACED.includes(stream.field_order ?? ''),
    hdr: isHdrTransfer(stream.color_transfer),
    colour: {
      range: known(stream.color_range),
      matrix: known(stream.color_space),
      primaries: known(stream.color_primaries),
      transfer: known(stream.color_transfer),
    },
    durationSeconds,
    bitrateKbps: kbps(stream.bit_rate),
    frames: frames ?? Math.max(1, Math.round((duration * fraction(rate.fps).num) / fraction(rate.fps).den)),
    framesEstimated: frames === undefined,
  };
}

/** No camera is faster; live recordings state a clock tick (1000, 90000) for their rate. */
export const MAX_RATE = 480;

/** The average rate, else what was counted, else 30; and whether the finest grid (`r_frame_rate`) says otherwise. */
function frameRate(stream: FfprobeStream, counted = 0): { fps: string; variableRate: boolean } {
  const average = plausibleRate(stream.avg_frame_rate);
  const grid = plausibleRate(stream.r_frame_rate);
  if (average !== undefined) {
    // Twice the average is a field rate.
    const times = grid === undefined ? Infinity : grid / average;
    const steady = [1, 2].some((factor) => Math.abs(times / factor - 1) < 0.05);
    return { fps: stream.avg_frame_rate ?? '', variableRate: !steady };
  }
  const fps = counted > 0 && counted <= MAX_RATE ? `${Math.round(counted * 1000)}/1000` : '30/1';
  return { fps, variableRate: true };
}

function plausibleRate(text: string | undefined): number | undefined {
  const { num, den } = fraction(text, { num: 0, den: 1 });
  return num > 0 && num / den <= MAX_RATE ? num / den : undefined;
}

function soundStreams({ streams = [] }: FfprobeJson): Pick<MediaProbe, 'sounds'> {
  const all = streams.filter(isSound);
  return all.length < 2 ? {} : { sounds: all.map(audioStream) };
}

function audioStream(stream: FfprobeStream): AudioStream {
  const language = languageTag(stream.tags?.['language']);
  return {
    index: stream.index,
    codec: stream.codec_name ?? '',
    channels: Number(stream.channels),
    sampleRate: Number(stream.sample_rate ?? 0),
    durationSeconds: streamDuration(stream),
    ...(language && { language }),
  };
}
