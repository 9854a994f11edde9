import { loadConfig } from '../../common/config';
import { ensureFfmpeg, findFfmpeg, installHint } from './ffmpeg';

const config = loadConfig({});

test('finds the ffmpeg and the ffprobe on PATH', async () => {
  const tools = await ensureFfmpeg(config, () => undefined);
  expect(tools).toEqual(findFfmpeg(config));
  expect(tools.ffprobe).toMatch(/ffprobe(\.exe)?$/);
});

test('a configured path that is no program is an error, not a reason to install another one', async () => {
  await expect(ensureFfmpeg({ ...config, ffmpegPath: '/nowhere/ffmpeg' }, () => undefined)).rejects.toThrow(
    'FFMPEG_PATH names no program that can be run: /nowhere/ffmpeg',
  );
});

test.each([
  ['darwin', 'brew install ffmpeg'],
  ['win32', 'winget install'],
  ['linux', 'apt-get install ffmpeg'],
] as const)('on %s it says how to install it', (platform, words) => {
  expect(installHint(platform)).toContain(words);
});
