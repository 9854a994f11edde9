import { ProcessError, type ProcessFailure } from '../../common/process';
import { throwIfCutShort, toVideoError } from './failures';
import { ProgressReader } from './ffmpeg';

test('progress is read by block, and a block that stands still is none', () => {
  const reader = new ProgressReader();
  const block = (frame: string, time: string, end = 'continue') =>
    [`frame=${frame}`, 'fps=0.0', `out_time_us=${time}`, 'speed=1.5x', `progress=${end}`].map((line) =>
      reader.read(line),
    );
  expect(block('0', 'N/A').at(-1)).toBe(false);
  expect(block('10', '-9223372036854775807')).toEqual([false, false, false, false, true]);
  expect(block('10', '400000').at(-1)).toBe(true);
  expect(block('10', '400000').at(-1)).toBe(false);
  expect(block('20', '800000', 'end').at(-1)).toBe(true);
  expect(reader.last).toEqual({ frames: 20, outTimeSeconds: 0.8, speed: 1.5 });
});

describe('whose fault a failure is', () => {
  const exit = (stderr: string, signal: NodeJS.Signals | null = null) =>
    toVideoError(new ProcessError('ffmpeg', 'exit', signal ? null : 1, signal, stderr));

  test.each([
    ['[mov,mp4] moov atom not found\nfile:x: Invalid data found when processing input', 'CorruptMedia'],
    ['[h264 @ 0x1] error while decoding MB 50 39, bytestream -27', 'CorruptMedia'],
    ['file:x: corrupt input packet in stream 0', 'CorruptMedia'],
    ["file:x: Format not on whitelist 'mov,mp4'\nInvalid data found when processing input", 'UnsupportedMedia'],
    ['Decoder (codec none) not found for input stream #0:0', 'UnsupportedMedia'],
    ['av_interleaved_write_frame(): No space left on device', 'StorageUnavailable'],
    ['Error while decoding stream #0:0: Cannot allocate memory', 'EncoderFailed'],
    ["Unknown encoder 'libx264'", 'EncoderFailed'],
    ['something nobody has seen', 'EncoderFailed'],
    ['', 'EncoderFailed'],
  ])('%j: %s', (stderr, type) => expect(exit(stderr)).toMatchObject({ type, details: { stderr, exitCode: 1 } }));

  test('a crash is said to be one, so that a file which crashes twice goes into quarantine', () => {
    expect(exit('Invalid data found', 'SIGSEGV')).toMatchObject({
      type: 'EncoderFailed',
      details: { childKilled: true, signal: 'SIGSEGV' },
    });
  });

  test.each<[ProcessFailure, string]>([
    ['spawn', 'EncoderFailed'],
    ['stall', 'EncoderFailed'],
    ['timeout', 'EncoderFailed'],
    ['output', 'MediaTooLarge'],
  ])('%s is %s', (reason, type) => {
    expect(toVideoError(new ProcessError('ffmpeg', reason, null, 'SIGTERM', ''))).toMatchObject({ type });
  });

  test('other errors, an abort among them, pass as they are', () => {
    const reason = new Error('cancelled');
    expect(toVideoError(reason)).toBe(reason);
  });

  test('a Matroska file that breaks off is damaged, whatever the exit code', () => {
    expect(() => throwIfCutShort('[matroska,webm @ 0x1] File ended prematurely')).toThrow('cut short');
    expect(() => throwIfCutShort('')).not.toThrow();
  });
});
