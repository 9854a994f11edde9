import { MAX_PIXELS, type RunBounds } from './bounds';
import { DECODER_OPTIONS } from './decoders';
import { FFPROBE_ENTRIES } from '../probe/probe-facts';

/** Containers that are read, by the names of ffmpeg's demuxers. Whatever refers to other files is not among them. */
export const FORMATS = 'mov,mp4,matroska,webm,avi,flv,asf,mpeg,mpegvideo,mpegts,ogg,mxf,dv,h264,hevc';

/** What ffmpeg is to do, in the groups that its command line has. Every entry is one argument. */
export interface FfmpegCommand {
  inputs: { options: string[]; file: string }[];
  /** Empty, or one filter graph whose outputs the options map. */
  filterGraph?: string;
  outputs: FfmpegOutput[];
  bounds: RunBounds;
}

export interface FfmpegOutput {
  options: string[];
  /** Where ffmpeg writes to, as it wants it said. */
  file: string;
  /** Paths of what it writes, where `file` names several. */
  writes?: string[];
}

/** A file name that no option, protocol or pattern can hide in. */
export function fileUrl(path: string): string {
  return `file:${path}`;
}

/**
 * Before every input that comes from outside. The protocol whitelist alone does not stop a playlist that names local
 * files; the format whitelist does.
 */
export const FENCE = fence(FORMATS);

/** The same for the containers of other media. @param formats names of ffmpeg's demuxers, with commas between */
export function fence(formats: string): string[] {
  return [
    ...['-protocol_whitelist', 'file,pipe', '-format_whitelist', formats, ...DECODER_OPTIONS],
    ...['-max_pixels', String(MAX_PIXELS)],
  ];
}

export function ffprobeArgs(input: string, entries = FFPROBE_ENTRIES, formats = FORMATS): string[] {
  return [...probeStart(formats), '-show_entries', entries, '-of', 'json', '-i', fileUrl(input)];
}

/** What is beside the first picture of the stream. */
export function firstPictureArgs(input: string, stream: number, entries: string): string[] {
  const first = ['-select_streams', String(stream), '-read_intervals', '%+#1'];
  return [...probeStart(FORMATS), ...first, '-show_entries', entries, '-of', 'json', '-i', fileUrl(input)];
}

/** One line `pts,dts,duration,flags` (seconds; `K`: a keyframe) a packet of the stream. */
export function countPacketsArgs(input: string, stream: number, formats = FORMATS): string[] {
  const entries = ['-show_entries', 'packet=pts_time,dts_time,duration_time,flags', '-of', 'csv=p=0'];
  return [...probeStart(formats), '-select_streams', String(stream), ...entries, '-i', fileUrl(input)];
}

function probeStart(formats: string): string[] {
  return ['-hide_banner', '-v', 'error', ...fence(formats)];
}

/** Options before the input; progress goes to stdout as `key=value` lines. */
export function inputStart(threads: number, formats = FORMATS): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-y', '-v', 'error', '-nostats', '-progress', 'pipe:1'],
    ...['-filter_threads', String(threads), '-filter_complex_threads', String(threads)],
    ...[...fence(formats), '-threads', String(threads)],
  ];
}

/** Quality 1–100 on mjpeg's scale of 31 (worst) to 2 (best). */
export function jpegScale(quality: number): string {
  return String(Math.max(2, Math.min(31, Math.round(31 - (quality / 100) * 29))));
}
