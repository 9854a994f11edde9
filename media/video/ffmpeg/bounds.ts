import { DarkroomError } from '../../../common/errors';
import { fraction } from '../fraction';
import { MAX_RATE } from '../probe/probe-facts';
import type { MediaProbe, VideoStream } from '../types';

/**
 * What one ffmpeg may make and use. A file says what it likes about itself: three frames whose times lie years apart
 * become years of video where a filter fills the gaps. So every run is bounded by what the file *said*.
 */
export interface RunBounds {
  /** Seconds of media that any output holds at most. */
  seconds: number;
  /** Generous: a run that needs more does not do what its file stated. */
  cpuSeconds: number;
  /** Of the largest file that the run may write. */
  fileBytes: number;
}

/** px of one picture that are decoded; the largest real ones are 8192 x 4320. */
export const MAX_PIXELS = 36_000_000;
/** px a second: 8K at 60 frames, or 4K at 240. */
export const MAX_PIXEL_RATE = 60 * MAX_PIXELS;

/** Containers round durations, and sound may end after the picture. */
export function longestOutput(durationSeconds: number, maxDuration: number): number {
  return Math.min(1.05 * durationSeconds + 2, maxDuration / 1000);
}

/** CPU seconds of any run, whatever its size: starting, probing, thumbnails. */
const CPU_BASE = 120;
/** CPU seconds for each pixel that is decoded or encoded: some twenty times what the slowest decoder and x264 take. */
const CPU_DECODE = 2e-7;
const CPU_ENCODE = 1e-6;
/** How many times the cost that is expected of it an encoder may take, at least. */
const MARGIN = 100;
/** Bytes of any run: headers, indexes, pictures. */
const FILE_BASE = 64 * 2 ** 20;

/** What a run makes beside reading its source once. */
export interface Output {
  width: number;
  height: number;
  /** Frames a second; absent: the source's. */
  fps?: string;
  /** Seconds by which its last frame may reach beyond the end. */
  beyondSeconds?: number;
  /** kbit/s; absent: of pictures that {@link FILE_BASE} has room for. */
  kbps?: number;
  /** CPU seconds that encoding a million pixels should take. */
  cost?: number;
}

/** @param maxDuration ms */
export function runBounds(probe: MediaProbe, outputs: Output[], maxDuration: number): RunBounds {
  const { video } = probe;
  const whole = longestOutput(probe.durationSeconds, maxDuration);
  // To a part that cannot be sought, everything before it is decoded, too.
  const seconds = whole + (probe.clip?.start ?? 0);
  const most = seconds * MAX_RATE;
  const frames = (fps: string) => Math.min(most, (seconds * fraction(fps).num) / fraction(fps).den);
  const decoded = Math.min(most, Math.max(video.frames, frames(video.fps))) * video.width * video.height;
  const encoding = outputs.reduce((sum, { width, height, fps, cost = 0 }) => {
    return sum + frames(fps ?? video.fps) * width * height * Math.max(CPU_ENCODE, (MARGIN * cost) / 1e6);
  }, 0);
  const bytes = outputs.reduce((sum, { kbps = 0 }) => sum + 2 * kbps * 125 * seconds, 0);
  const beyond = Math.max(0, ...outputs.map(({ beyondSeconds = 0 }) => beyondSeconds));
  return {
    seconds: seconds + beyond,
    cpuSeconds: Math.ceil(CPU_BASE + CPU_DECODE * decoded + encoding),
    fileBytes: Math.ceil(FILE_BASE + bytes),
  };
}

/** CPU seconds for a second of sound that is read and encoded: some twenty times what all filters and encoders take. */
const CPU_SOUND = 1;

/** Of a run that reads and encodes sound. @param kbps of the largest file, 0 for none @param maxDuration ms */
export function soundBounds(durationSeconds: number, kbps: number, maxDuration: number): RunBounds {
  const seconds = longestOutput(durationSeconds, maxDuration);
  return {
    seconds,
    cpuSeconds: Math.ceil(CPU_BASE + CPU_SOUND * seconds),
    fileBytes: Math.ceil(FILE_BASE + 2 * kbps * 125 * seconds),
  };
}

/** Of a run that makes a silent video of drawn frames. @param pixels of all frames @param cost CPU seconds for a million of them */
export function filmBounds(seconds: number, pixels: number, cost: number): RunBounds {
  return {
    // Whoever shows the last frame for long is not cut off there.
    seconds: longestOutput(seconds, Infinity),
    cpuSeconds: Math.ceil(CPU_BASE + pixels * Math.max(CPU_ENCODE, (MARGIN * cost) / 1e6)),
    fileBytes: FILE_BASE + 2 * pixels,
  };
}

/** Of a run that only copies a file of our own. */
export function copyBounds(durationSeconds: number, bytes: number): RunBounds {
  return {
    seconds: longestOutput(durationSeconds, Infinity),
    cpuSeconds: Math.ceil(CPU_BASE + durationSeconds),
    fileBytes: FILE_BASE + bytes,
  };
}

export function tooManyPixels(width: number, height: number): string {
  return `The pictures of the video have ${width} x ${height} pixels; at most ${MAX_PIXELS / 1e6} million are read.`;
}

/** @throws DarkroomError MediaTooLarge for pictures that would take too much memory, or too many of them a second */
export function checkPixels(video: VideoStream): void {
  const { num, den } = fraction(video.fps);
  const rate = Math.round(num / den);
  // A sample aspect ratio can make as much of few pixels as a size can.
  const asShown = video.displayWidth * video.displayHeight > video.width * video.height;
  const width = asShown ? video.displayWidth : video.width;
  const height = asShown ? video.displayHeight : video.height;
  if (width * height > MAX_PIXELS) {
    throw new DarkroomError('MediaTooLarge', tooManyPixels(width, height), { width, height });
  }
  if (width * height * (num / den) > MAX_PIXEL_RATE) {
    throw new DarkroomError(
      'MediaTooLarge',
      `The video has ${rate} pictures of ${width} x ${height} pixels a second, which is more than is read.`,
      { width, height, rate },
    );
  }
}
