import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { ProcessError, runProcess, type ProcessFailure } from '../../../common/process';
import { clipFolder, settings } from '../../../test/support/clips';
import { testWhere } from '../../../test/support/only-where';
import { canMountSmallDisk, mountSmallDisk } from '../../../test/support/small-disk';
import { throwIfCutShort, toVideoError } from './video-failures';
import { ProgressReader, runFfmpeg } from './run';
import type { FfmpegProgress } from '../types';

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

describe('the time after the last frame, in which ffmpeg moves the media of the finished file and prints nothing', () => {
  const clips = clipFolder();
  afterAll(clips.remove);

  /** A stand-in for ffmpeg, which would take gigabytes to be seen at that: one frame, then the lines of `script`. */
  const run = (script: string, seen: FfmpegProgress[] = []) => {
    const program = clips.at('ffmpeg.sh');
    writeFileSync(program, `#!/bin/sh\necho frame=1; echo progress=continue\n${script}\n`);
    chmodSync(program, 0o755);
    writeFileSync(clips.at('out'), 'media');
    const options = ['-f', 'mp4'];
    const bounds = { seconds: 60, cpuSeconds: 60, fileBytes: 1e6 };
    return runFfmpeg(
      { inputs: [{ options, file: 'in' }], outputs: [{ options, file: `file:${clips.at('out')}` }], bounds },
      { settings: { ...settings, ffmpegPath: program, stallMs: 1000 }, onProgress: (progress) => seen.push(progress) },
    );
  };
  const rewrite = `printf x | dd of=${clips.at('out')} bs=1 conv=notrunc status=none`;

  test('counts as progress for as long as bytes are written, also where the file does not grow', async () => {
    const seen: FfmpegProgress[] = [];
    await run(`for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ${rewrite}; sleep 0.2; done`, seen);
    expect(statSync(clips.at('out')).size).toBe(5);
    expect(seen.at(-1)?.frames).toBe(1);
    expect(seen.at(-1)?.outputChanges).toBeGreaterThan(2);
  });

  test('ends as a stall where nothing is written', async () => {
    await expect(run(`${rewrite}; sleep 30`)).rejects.toMatchObject({
      type: 'EncoderFailed',
      details: { reason: 'stall' },
    });
  });
});

// Of a picture all bytes are in the last flush, whose failure ffmpeg does not count as one.
testWhere(canMountSmallDisk(), 'no small disk can be mounted here')(
  'a small picture that finds no room on the disk is a full disk, although ffmpeg ends with exit code 0',
  async () => {
    const clips = clipFolder();
    const disk = clips.at('disk');
    const unmount = mountSmallDisk(disk, '256k');
    try {
      try {
        writeFileSync(`${disk}/ballast`, Buffer.alloc(512 * 1024));
      } catch {
        // Full, as it is to be.
      }
      const run = runFfmpeg(
        {
          inputs: [
            {
              options: ['-v', 'error', '-nostdin', '-y', '-progress', 'pipe:1', '-f', 'lavfi'],
              file: 'testsrc2=s=160x90:d=1',
            },
          ],
          outputs: [{ options: ['-frames:v', '1', '-c:v', 'libwebp', '-f', 'webp'], file: `file:${disk}/picture` }],
          bounds: { seconds: 60, cpuSeconds: 60, fileBytes: 1e6 },
        },
        { settings },
      );
      await expect(run).rejects.toMatchObject({ type: 'StorageUnavailable', message: 'The scratch disk is full.' });
    } finally {
      unmount();
      clips.remove();
    }
  },
);

describe('whose fault a failure is', () => {
  const exit = (stderr: string, signal: NodeJS.Signals | null = null) =>
    toVideoError(new ProcessError('ffmpeg', 'exit', signal ? null : 1, signal, stderr));

  test.each([
    ['[mov,mp4] moov atom not found\nfile:x: Invalid data found when processing input', 'CorruptMedia'],
    ['[h264 @ 0x1] error while decoding MB 50 39, bytestream -27', 'CorruptMedia'],
    ['file:x: corrupt input packet in stream 0', 'CorruptMedia'],
    ['[mpeg2video @ 0x1] ac-tex damaged at 3 2', 'CorruptMedia'],
    ['[flv @ 0x1] Error at MB: 42', 'CorruptMedia'],
    ['[flv @ 0x1] illegal ac vlc code at 4x3', 'CorruptMedia'],
    ['[mp3float @ 0x1] Header missing', 'CorruptMedia'],
    ['[mpeg4 @ 0x1] ac-tex overflow at 7 1', 'CorruptMedia'],
    ['[mpeg1video @ 0x1] skipped MB in I-frame at 2 5', 'CorruptMedia'],
    ['[flv @ 0x1] Packet mismatch 100 120', 'CorruptMedia'],
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
      details: { childKilled: true, reason: 'crash', blame: 'input', signal: 'SIGSEGV' },
    });
  });

  test('a SIGTERM from outside, which ffmpeg answers with exit code 255 in silence, does not count against the file', async () => {
    const endless = ['ffmpeg', '-v', 'error', '-nostdin', '-re', '-f', 'lavfi', '-i', 'testsrc', '-f', 'null', '-'];
    // Time enough for ffmpeg to have its handler in place.
    const error = await runProcess('timeout', ['--preserve-status', '3', ...endless]).catch(
      (reason: unknown) => reason,
    );
    expect(toVideoError(error)).toMatchObject({
      type: 'EncoderFailed',
      details: { childKilled: true, reason: 'killed', blame: 'system', exitCode: 255 },
    });
  });

  test('a kill from outside is said to be one, so that the file is not blamed', () => {
    expect(exit('frame= 100', 'SIGKILL')).toMatchObject({
      type: 'EncoderFailed',
      message: 'The program that reads the video was killed from outside.',
      details: { childKilled: true, reason: 'killed', blame: 'system' },
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
