import { MAX_PIXELS, runBounds, type RunBounds } from './bounds';
import { DECODER_OPTIONS } from './decoders';
import { fraction } from './fraction';
import { encodeFilters, posterFilters, spriteFilters } from './filters';
import { FFPROBE_ENTRIES } from './probe-facts';
import type { MediaProbe, PosterPlan, RungPlan, SpritePlan, VideoStream } from './types';

/** Containers that are read, by the names of ffmpeg's demuxers. Whatever refers to other files is not among them. */
export const FORMATS = 'mov,mp4,matroska,webm,avi,flv,asf,mpeg,mpegvideo,mpegts,ogg';

/** What ffmpeg is to do, in the groups that its command line has. Every entry is one argument. */
export interface FfmpegCommand {
  inputOptions: string[];
  input: string;
  /** Empty, or one filter graph whose outputs the options map. */
  filterGraph?: string;
  outputs: { options: string[]; file: string }[];
  bounds: RunBounds;
}

/** A file name that no option, protocol or pattern can hide in. */
export function fileUrl(path: string): string {
  return `file:${path}`;
}

/** The protocol whitelist alone does not stop a playlist that names local files; the format whitelist does. */
const FENCE = [
  ...['-protocol_whitelist', 'file,pipe', '-format_whitelist', FORMATS, ...DECODER_OPTIONS],
  ...['-max_pixels', String(MAX_PIXELS)],
];

export function ffprobeArgs(input: string): string[] {
  return [...probeStart(), '-show_entries', FFPROBE_ENTRIES, '-of', 'json', '-i', fileUrl(input)];
}

/** One line `pts,duration` (seconds) a packet of the stream. */
export function countPacketsArgs(input: string, stream: number): string[] {
  const entries = ['-show_entries', 'packet=pts_time,duration_time', '-of', 'csv=p=0'];
  return [...probeStart(), '-select_streams', String(stream), ...entries, '-i', fileUrl(input)];
}

function probeStart(): string[] {
  return ['-hide_banner', '-v', 'error', ...FENCE];
}

/** Options before the input; progress goes to stdout as `key=value` lines. */
export function inputStart(threads: number): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-y', '-v', 'error', '-nostats', '-progress', 'pipe:1'],
    ...['-filter_threads', String(threads), '-filter_complex_threads', String(threads)],
    ...[...FENCE, '-threads', String(threads)],
  ];
}

/** One MP4: H.264 high and AAC, ready to play while it loads, a keyframe every two seconds. */
export function encodeCommand(
  input: string,
  output: string,
  probe: MediaProbe,
  rung: RungPlan,
  threads: number,
  maxDuration: number,
): FfmpegCommand {
  const { video, audio } = probe;
  const sound = rung.audioBitrate !== undefined && audio ? audio : undefined;
  const pictures = rung.copy ? copyOptions() : encodeOptions(video, rung);
  const mp4 = {
    options: [
      ...['-map', `0:${video.index}`, ...(sound ? ['-map', `0:${sound.index}`] : [])],
      ...pictures,
      ...(sound ? ['-c:a', 'aac', '-b:a', `${rung.audioBitrate}k`, '-ar', '48000', '-ac', '2'] : []),
      // Silence where the sound begins later than the picture, or has gaps.
      ...(sound && rung.fixedGop ? ['-filter:a', 'aresample=48000:async=1:first_pts=0'] : []),
      ...['-map_metadata', '-1', '-map_chapters', '-1', '-movflags', '+faststart'],
      ...['-threads', String(threads), '-f', 'mp4'],
    ],
    file: fileUrl(output),
  };
  // Pictures that are copied are decoded all the same, into nothing, so that damage does not pass through unseen.
  const check = { options: ['-map', `0:${video.index}`, '-f', 'null'], file: '-' };
  return {
    // Without these two, a damaged file becomes a shorter or grey video and exit code 0.
    inputOptions: [...inputStart(threads), '-xerror', '-err_detect', 'explode'],
    input: fileUrl(input),
    outputs: rung.copy ? [mp4, check] : [mp4],
    bounds: runBounds(probe, [{ ...rung, kbps: kbpsOf(probe, rung) }], maxDuration),
  };
}

function kbpsOf(probe: MediaProbe, rung: RungPlan): number {
  const pictures = rung.copy ? (probe.video.bitrateKbps ?? rung.maxrate) : rung.maxrate;
  return pictures + (rung.audioBitrate ?? 0);
}

function encodeOptions(video: VideoStream, rung: RungPlan): string[] {
  return [
    ...['-filter:v', encodeFilters(video, rung)],
    ...['-c:v', 'libx264', '-preset', rung.speed, '-profile:v', 'high', '-crf', String(rung.crf)],
    ...['-maxrate', `${rung.maxrate}k`, '-bufsize', `${rung.bufsize}k`],
    ...['-g', String(rung.gop), '-sc_threshold', '0'],
    // Counted frames meet in every rung; times do not, at rates such as 29.97.
    ...(rung.fixedGop ? ['-keyint_min', String(rung.gop)] : ['-force_key_frames', 'expr:gte(t,n_forced*2)']),
  ];
}

/** Without the supplemental messages of the source (NAL type 6): cameras put positions and serial numbers there. */
function copyOptions(): string[] {
  return ['-c:v', 'copy', '-bsf:v', 'filter_units=remove_types=6', '-tag:v', 'avc1'];
}

/** One picture at `at` seconds, and beside it a small grey raw one that tells whether it is any good. */
export function posterCommand(
  input: string,
  output: { picture: string; sample: string },
  probe: MediaProbe,
  poster: PosterPlan,
  at: number,
  threads: number,
  maxDuration: number,
): FfmpegCommand {
  const codec =
    poster.format === 'webp'
      ? ['-c:v', 'libwebp', '-quality', String(poster.quality), '-compression_level', '2', '-f', 'webp']
      : ['-c:v', 'mjpeg', '-q:v', jpegScale(poster.quality), '-f', 'mjpeg'];
  return {
    inputOptions: [...inputStart(threads), ...(at > 0 ? ['-ss', String(at)] : [])],
    input: fileUrl(input),
    filterGraph: posterFilters(probe.video, poster),
    outputs: [
      {
        options: ['-map', '[picture]', '-frames:v', '1', ...codec, '-map_metadata', '-1', '-threads', '1'],
        file: fileUrl(output.picture),
      },
      { options: ['-map', '[sample]', '-frames:v', '1', '-f', 'rawvideo'], file: fileUrl(output.sample) },
    ],
    bounds: runBounds(probe, [], maxDuration),
  };
}

/** Sheets of thumbnails. `pattern` holds one `%d` for the sheet's number, which begins at 0. */
export function spriteCommand(
  input: string,
  pattern: string,
  probe: MediaProbe,
  sprite: SpritePlan,
  threads: number,
  maxDuration: number,
): FfmpegCommand {
  // A sheet counts as long as all of its tiles, also those for which the video has no time.
  const bounds = runBounds(probe, [{ ...sprite, fps: `1/${sprite.interval}` }], maxDuration);
  return {
    // Thumbnails need neither every frame nor clean block edges: that halves the decoding.
    inputOptions: [...inputStart(threads), '-skip_frame', 'noref', '-skip_loop_filter', 'all'],
    input: fileUrl(input),
    outputs: [
      {
        options: [
          ...['-map', `0:${probe.video.index}`, '-filter:v', spriteFilters(probe.video, sprite)],
          ...['-c:v', 'mjpeg', '-q:v', jpegScale(sprite.quality), '-threads', '1'],
          ...['-frames:v', String(sprite.sheets), '-f', 'image2', '-start_number', '0'],
        ],
        file: fileUrl(pattern),
      },
      // A sheet comes out once in many seconds; the copied stream goes nowhere but shows how far the reading is.
      { options: ['-map', `0:${probe.video.index}`, '-c', 'copy', '-f', 'null'], file: '-' },
    ],
    bounds: { ...bounds, seconds: bounds.seconds + sprite.interval * sprite.columns * sprite.rows },
  };
}

/** Quality 1–100 on mjpeg's scale of 31 (worst) to 2 (best). */
export function jpegScale(quality: number): string {
  return String(Math.max(2, Math.min(31, Math.round(31 - (quality / 100) * 29))));
}

/** Frames that an encode should give: the source's, or fewer where the rate is lowered. */
export function expectedFrames(probe: MediaProbe, rung: RungPlan): number {
  if (rung.fps === undefined) return probe.video.frames;
  const { num, den } = fraction(rung.fps);
  return ((probe.video.durationSeconds ?? probe.durationSeconds) * num) / den;
}
