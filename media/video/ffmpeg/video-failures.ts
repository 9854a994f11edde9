import { BLAME_OF_DEATH, causeOfDeath, type CauseOfDeath } from '../../../common/death';
import { DarkroomError, tail, type ErrorType } from '../../../common/errors';
import { ProcessError } from '../../../common/process';
import { MAX_PIXELS, tooManyPixels } from './bounds';

/** What a file is, for sentences about it; those of this file are written for videos. */
export type Media = 'video' | 'audio' | 'animation';

function about(media: Media, sentence: string): string {
  if (media === 'video') return sentence;
  return sentence
    .replace(/\ba video\b/g, media === 'audio' ? 'an audio file' : `an ${media}`)
    .replace(/\bvideo\b/g, media);
}

/** @param codec a name of ffmpeg's, or a container's tag */
export function codedAs(codec: string): string {
  return `The file is coded as "${codec}", which Darkroom does not read.`;
}

/** What ffmpeg and ffprobe print, and whom it blames. The first row that fits wins; `$1` is what its first group found. */
const ROWS: [RegExp, ErrorType, string][] = [
  [/No space left on device|Disk quota exceeded/i, 'StorageUnavailable', 'The scratch disk is full.'],
  [/Read-only file system/i, 'StorageUnavailable', 'The scratch disk cannot be written to.'],
  [/Cannot allocate memory|out of memory/i, 'EncoderFailed', 'The video needs more memory than is allowed.'],
  [
    /Unknown encoder '([\w-]+)'/i,
    'EncoderFailed',
    'The ffmpeg of this worker has no encoder $1, which the preset asks for.',
  ],
  [/No such filter|Encoder .* not found/i, 'EncoderFailed', 'This ffmpeg lacks what the preset asks for.'],
  [/Codec \(([\w.-]+)\) not on whitelist/i, 'UnsupportedMedia', codedAs('$1')],
  [/not on whitelist/i, 'UnsupportedMedia', 'The file is not a video that Darkroom reads.'],
  [/Decoder \(codec (?!none)([\w.-]+)\) not found/i, 'UnsupportedMedia', codedAs('$1')],
  [
    /Decoder .*not found|no decoder found|unsupported codec/i,
    'UnsupportedMedia',
    'The video is coded in a way that Darkroom does not read.',
  ],
  [
    /Invalid data found|Error while decoding|Error submitting packet|moov atom not found|error reading header|corrupt|truncated|partial file|Invalid NAL|invalid residual|decode_frame\(\) failed|Failed to read frame|decode_slice|End of file|EBML|could not find codec parameters|concealing|damaged at|Error at MB|Header missing|illegal (?:ac|dc|mb)|overflow at|skipped MB|Packet mismatch|Unknown OBU|Cannot determine format of input/i,
    'CorruptMedia',
    'The video is damaged or cut short.',
  ],
];

const BROKE_DOWN = 'The program that reads the video broke down.';

const DEATHS: Record<CauseOfDeath, string> = {
  crash: BROKE_DOWN,
  exit: BROKE_DOWN,
  memory: 'The video needs more memory than is allowed.',
  timeout: 'The video needs more computing time than is allowed.',
  oom: 'The machine ran out of memory while it worked on this video.',
  killed: 'The program that reads the video was killed from outside.',
};

/**
 * Says who is to blame for a failed ffmpeg or ffprobe: the file, the machine or the encoder.
 * Anything that is not a ProcessError comes back as it is.
 */
export function toVideoError(error: unknown, media: Media = 'video'): unknown {
  if (!(error instanceof ProcessError)) return error;
  const { reason, exitCode, signal, stderrTail } = error;
  const details = { reason, exitCode: exitCode ?? undefined, signal: signal ?? undefined, stderr: tail(stderrTail) };
  const failed = (type: ErrorType, sentence: string, more: object = {}) =>
    new DarkroomError(type, about(media, sentence), { ...details, ...more }, { cause: error });
  if (reason === 'spawn') return failed('EncoderFailed', 'The video tools could not be started on this machine.');
  if (reason === 'stall') return failed('EncoderFailed', 'The encoder made no progress and was stopped.');
  if (reason === 'timeout') return failed('EncoderFailed', 'The video could not be read in the time allowed.');
  if (reason === 'output') return failed('MediaTooLarge', 'The file describes more streams and tags than is allowed.');
  if (signal === 'SIGXCPU') {
    return failed('MediaTooLarge', 'The video needs far more work than its length and its size explain.');
  }
  if (signal === 'SIGXFSZ') {
    return failed('MediaTooLarge', 'The video becomes far larger than its length and its size explain.');
  }
  // ffmpeg catches SIGTERM and ends with this code and not a word.
  const terminated = reason === 'exit' && exitCode === 255 && stderrTail === '';
  if (signal !== null || terminated) {
    const cause = causeOfDeath(signal ?? 'SIGTERM', error.oom);
    return failed('EncoderFailed', DEATHS[cause], { childKilled: true, reason: cause, blame: BLAME_OF_DEATH[cause] });
  }
  const large = tooLarge(stderrTail);
  if (large !== undefined) return failed('MediaTooLarge', large);
  for (const [pattern, type, sentence] of ROWS) {
    const found = pattern.exec(stderrTail);
    if (found)
      return failed(
        type,
        sentence.replace(/\$(\d)/g, (_, group) => found[Number(group)] ?? ''),
      );
  }
  return failed('EncoderFailed', 'The encoder failed.');
}

/** A container may state another size than the stream inside: ffprobe then prints a line and ends with exit code 0. */
export function throwIfTooLarge(stderrTail: string): void {
  const large = tooLarge(stderrTail);
  if (large !== undefined) throw new DarkroomError('MediaTooLarge', large, { stderr: tail(stderrTail) });
}

function tooLarge(stderrTail: string): string | undefined {
  for (const [, width, height] of stderrTail.matchAll(/Picture size (\d+)x(\d+) (?:is invalid|exceeds)/g)) {
    if (Number(width) * Number(height) > MAX_PIXELS) return tooManyPixels(Number(width), Number(height));
  }
  return undefined;
}

/** A Matroska file that breaks off is only worth a line on stderr to ffmpeg, and exit code 0. */
export function throwIfCutShort(stderrTail: string, media: Media = 'video'): void {
  if (!/File ended prematurely/.test(stderrTail)) return;
  throw new DarkroomError('CorruptMedia', about(media, 'The video is cut short.'), { stderr: tail(stderrTail) });
}

/** @param end seconds, of what the file states or the run's bound */
export function longerThanStated(
  { outTimeSeconds }: { outTimeSeconds: number },
  end: number,
  media: Media = 'video',
): DarkroomError {
  const what = media === 'audio' ? 'The audio is damaged: its sound goes' : `The ${media} is damaged: its pictures go`;
  const details = { seconds: outTimeSeconds, secondsAtMost: end };
  return new DarkroomError('CorruptMedia', `${what} on after its stated end.`, details);
}

/**
 * What the last flush cannot write is only worth a line on stderr to ffmpeg, and exit code 0; a small picture is written in
 * that flush as a whole, so on a full disk it is empty.
 */
export function throwIfUnwritten(stderrTail: string): void {
  const line = /Error (?:writing trailer|closing file)[^\n]*: ([^\n:]+)$/m.exec(stderrTail);
  if (line === null) return;
  const row = ROWS.find(([pattern, type]) => type === 'StorageUnavailable' && pattern.test(line[1] ?? ''));
  const sentence = row?.[2] ?? 'The scratch disk could not be written to just now.';
  throw new DarkroomError('StorageUnavailable', sentence, { stderr: tail(stderrTail) });
}
