import { ProcessError } from '../../common/process';
import { DarkroomError, tail, type ErrorType } from '../../common/errors';

/** What ffmpeg and ffprobe print, and whom it blames. The first row that fits wins. */
const ROWS: [RegExp, ErrorType, string][] = [
  [/No space left on device|Disk quota exceeded/i, 'StorageUnavailable', 'The scratch disk is full.'],
  [/Read-only file system/i, 'StorageUnavailable', 'The scratch disk cannot be written to.'],
  [/Cannot allocate memory|out of memory/i, 'EncoderFailed', 'The video needs more memory than is allowed.'],
  [
    /Unknown encoder|No such filter|Encoder .* not found/i,
    'EncoderFailed',
    'This ffmpeg lacks what the preset asks for.',
  ],
  [/not on whitelist/i, 'UnsupportedMedia', 'The file is not a video that Darkroom reads.'],
  [
    /Decoder .*not found|no decoder found|unsupported codec/i,
    'UnsupportedMedia',
    'The video is coded in a way that Darkroom does not read.',
  ],
  [
    /Invalid data found|Error while decoding|Error submitting packet|moov atom not found|error reading header|corrupt|truncated|partial file|Invalid NAL|decode_slice|End of file|EBML|could not find codec parameters|concealing/i,
    'CorruptMedia',
    'The video is damaged or cut short.',
  ],
];

/**
 * Says who is to blame for a failed ffmpeg or ffprobe: the file, the machine or the encoder.
 * Anything that is not a ProcessError comes back as it is.
 */
export function toVideoError(error: unknown): unknown {
  if (!(error instanceof ProcessError)) return error;
  const { reason, exitCode, signal, stderrTail } = error;
  const details = { reason, exitCode: exitCode ?? undefined, signal: signal ?? undefined, stderr: tail(stderrTail) };
  const failed = (type: ErrorType, sentence: string, more: object = {}) =>
    new DarkroomError(type, sentence, { ...details, ...more }, { cause: error });
  if (reason === 'spawn') return failed('EncoderFailed', 'The video tools could not be started on this machine.');
  if (reason === 'stall') return failed('EncoderFailed', 'The encoder made no progress and was stopped.');
  if (reason === 'timeout') return failed('EncoderFailed', 'The video could not be read in the time allowed.');
  if (reason === 'output') return failed('MediaTooLarge', 'The file describes more streams and tags than is allowed.');
  if (signal !== null) {
    return failed('EncoderFailed', 'The program that reads the video broke down.', { childKilled: true });
  }
  const row = ROWS.find(([pattern]) => pattern.test(stderrTail));
  return row ? failed(row[1], row[2]) : failed('EncoderFailed', 'The encoder failed.');
}

/** A Matroska file that breaks off is only worth a line on stderr to ffmpeg, and exit code 0. */
export function throwIfCutShort(stderrTail: string): void {
  if (!/File ended prematurely/.test(stderrTail)) return;
  throw new DarkroomError('CorruptMedia', 'The video is cut short.', { stderr: tail(stderrTail) });
}
