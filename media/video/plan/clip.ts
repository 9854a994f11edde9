import { DarkroomError } from '../../../common/errors';
import { fraction } from '../fraction';
import type { AudioStream, Clip, MediaProbe, VideoStream } from '../types';

/**
 * Containers with an index, so that ffmpeg finds the keyframe before any time; the sniffed names. In the others it may
 * land behind it, and pictures would be missing.
 */
const SEEKABLE = ['mp4', 'mov', 'm4v', 'mkv', 'webm'];

/** Can ffmpeg go to any time of the source? */
export function isSeekable({ format, joined, startsAt }: MediaProbe): boolean {
  return SEEKABLE.includes(format) && !joined && startsAt === undefined;
}

/** Containers round durations, s. */
const ROUNDING = 0.1;

/**
 * The part of a source that a preset asks for, as if it were the whole: lengths and pictures are those of the part.
 * @param asked seconds of the source
 * @throws DarkroomError InvalidJob where the source has no such part
 */
export function clipProbe(probe: MediaProbe, { start = 0, end }: { start?: number; end?: number }): MediaProbe {
  if (start === 0 && end === undefined) return probe;
  const { durationSeconds, video, audio } = probe;
  const outside = start >= durationSeconds ? 'start' : (end ?? 0) > durationSeconds + ROUNDING ? 'end' : undefined;
  if (outside !== undefined) {
    const asked = outside === 'start' ? start : end;
    throw new DarkroomError(
      'InvalidJob',
      `The video is ${durationSeconds.toFixed(2)} s long, so video.${outside} cannot be at ${asked} s.`,
      { durationSeconds },
    );
  }
  const clip: Clip = { start, seconds: Math.min(end ?? Infinity, durationSeconds) - start };
  const inside = (seconds = durationSeconds) => Math.max(0.001, Math.min(seconds - start, clip.seconds));
  const cut = <T extends VideoStream | AudioStream>(stream: T): T =>
    stream.durationSeconds === undefined ? stream : { ...stream, durationSeconds: inside(stream.durationSeconds) };
  const part = inside(video.durationSeconds) / (video.durationSeconds ?? durationSeconds);
  return {
    ...probe,
    durationSeconds: clip.seconds,
    video: { ...cut(video), frames: Math.max(1, Math.round(part * video.frames)) },
    ...(audio && { audio: cut(audio) }),
    clip,
  };
}

/** Seconds before a part from which the source is decoded: filters look back, and a picture may stand for a while. */
export const LEAD_SECONDS = 1;

/**
 * Seconds of the source from which a run over a part decodes it; a whole number, so that no clock rounds times anew. 0: from
 * its beginning.
 */
export function clipOrigin(probe: MediaProbe): number {
  return probe.clip && isSeekable(probe) ? Math.max(0, Math.floor(probe.clip.start - LEAD_SECONDS)) : 0;
}

/**
 * Filters that leave the part of the pictures, and put it at zero. At a steady rate, each bound is the picture nearest to
 * it.
 * @param origin the time of the source that the filters see as zero
 */
export function clipPictures({ clip, video }: MediaProbe, origin: number): string[] {
  if (!clip) return [];
  const { num, den } = fraction(video.fps);
  const half = video.variableRate ? 0 : den / num / 2;
  const [start, end] = [clip.start - origin, clip.start + clip.seconds - origin];
  const from = clip.start === 0 ? [] : [`start=${at(start - half)}`];
  return [`trim=${[...from, `end=${at(end - half)}`].join(':')}`, `setpts=round(PTS-${at(start)}/TB)`];
}

/** The same of the sound, to the sample. */
export function clipSound({ clip }: MediaProbe, origin: number): string[] {
  if (!clip) return [];
  const [start, end] = [clip.start - origin, clip.start + clip.seconds - origin];
  return [`atrim=start=${at(start)}:end=${at(end)}`, `asetpts=round(PTS-${at(start)}/TB)`];
}

const at = (seconds: number): string => Math.max(0, seconds).toFixed(6);
