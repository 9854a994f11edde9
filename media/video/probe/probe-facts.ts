import { fraction } from '../fraction';
import type { AudioStream, MediaProbe, VideoStream } from '../types';

/** What of ffprobe's JSON is read. Numbers come as text in places, and any field may be missing. */
export interface FfprobeJson {
  format?: { duration?: string; bit_rate?: string; size?: string };
  streams?: FfprobeStream[];
}

interface FfprobeStream {
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
  duration?: string;
  bit_rate?: string;
  nb_frames?: string;
  channels?: number;
  sample_rate?: string;
  disposition?: { attached_pic?: number; default?: number };
  tags?: { DURATION?: string };
  side_data_list?: { rotation?: number }[];
}

/** The fields above, as `-show_entries` wants them: the answer stays small whatever the file claims in its tags. */
export const FFPROBE_ENTRIES = [
  'format=duration,bit_rate,size',
  'stream=index,codec_type,codec_name,codec_tag_string,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'stream=color_range,color_space,color_transfer,color_primaries,avg_frame_rate,r_frame_rate,duration,bit_rate',
  'stream=nb_frames,channels,sample_rate',
  'stream_disposition=attached_pic,default:stream_tags=DURATION:stream_side_data=rotation',
].join(':');

const HDR_TRANSFERS = ['smpte2084', 'arib-std-b67'];
const INTERLACED = ['tt', 'bb', 'tb', 'bt'];

/** What is counted by reading packets, for files whose header does not say. */
export interface PacketCount {
  durationSeconds: number;
  frames: number;
}

/** The picture: the default video stream, else the first, that is not cover art and has a size. */
export function pictureStream(json: FfprobeJson): FfprobeStream | undefined {
  const all = (json.streams ?? []).filter(
    (stream) => stream.codec_type === 'video' && known(stream.codec_name) && !stream.disposition?.attached_pic,
  );
  return preferred(all.filter((stream) => Number(stream.width) > 0 && Number(stream.height) > 0));
}

function soundStream(json: FfprobeJson): FfprobeStream | undefined {
  return preferred(
    (json.streams ?? []).filter(
      (stream) => stream.codec_type === 'audio' && known(stream.codec_name) && Number(stream.channels) > 0,
    ),
  );
}

function preferred(streams: FfprobeStream[]): FfprobeStream | undefined {
  return streams.find((stream) => stream.disposition?.default) ?? streams[0];
}

/** Seconds of the whole, if the file says. */
export function statedDuration(json: FfprobeJson): number | undefined {
  const [video, audio] = [pictureStream(json), soundStream(json)].map((stream) => stream && streamDuration(stream));
  // The container's figure counts from zero even where the streams start later, so the streams' own come first.
  if (video !== undefined) return Math.max(video, audio ?? 0);
  return positive(json.format?.duration);
}

/** ffprobe's answer as a {@link MediaProbe}; pure. `counted` where {@link statedDuration} had no answer. */
export function toProbe(json: FfprobeJson, format: string, counted?: PacketCount): MediaProbe | undefined {
  const picture = pictureStream(json);
  const sound = soundStream(json);
  const durationSeconds = statedDuration(json) ?? counted?.durationSeconds;
  if (picture === undefined || durationSeconds === undefined) return undefined;
  return {
    format,
    durationSeconds,
    bitrateKbps: kbps(json.format?.bit_rate) ?? kbps(((positive(json.format?.size) ?? 0) * 8) / durationSeconds),
    video: videoStream(picture, durationSeconds, counted),
    ...(sound && { audio: audioStream(sound) }),
    streams: json.streams?.length ?? 0,
  };
}

function videoStream(stream: FfprobeStream, fileDuration: number, counted?: PacketCount): VideoStream {
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
  const frames = positive(stream.nb_frames) ?? counted?.frames;
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
    hdr: HDR_TRANSFERS.includes(stream.color_transfer ?? ''),
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

function audioStream(stream: FfprobeStream): AudioStream {
  return {
    index: stream.index,
    codec: stream.codec_name ?? '',
    channels: Number(stream.channels),
    sampleRate: Number(stream.sample_rate ?? 0),
    durationSeconds: streamDuration(stream),
  };
}

/** Matroska puts a stream's duration into a tag: `00:00:03.040000000`. */
function streamDuration(stream: FfprobeStream): number | undefined {
  const tag = /^(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(stream.tags?.DURATION ?? '');
  const tagged = tag && Number(tag[1]) * 3600 + Number(tag[2]) * 60 + Number(tag[3]);
  return positive(stream.duration) ?? positive(tagged ?? undefined);
}

function positive(value: string | number | undefined): number | undefined {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}

function kbps(bitsPerSecond: string | number | undefined): number | undefined {
  const bits = positive(bitsPerSecond);
  return bits === undefined ? undefined : Math.round(bits / 1000);
}

/** What a field says; nothing where the tool says that it does not know. */
export function known(name: string | undefined): string | undefined {
  return name === undefined || name === 'unknown' || name === 'none' || name === '' ? undefined : name;
}
