import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
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

/** A machine of its own: PATH holds nothing but an apt-get that knows no package before `update`. */
describe('where Debian packages can be installed', () => {
  const path0 = process.env['PATH'];
  let bin: string;

  beforeEach(async () => {
    bin = await mkdtemp(path.join(os.tmpdir(), 'darkroom-bin-'));
    await symlink('/usr/bin/env', path.join(bin, 'env'));
    process.env['PATH'] = bin;
  });

  afterEach(async () => {
    process.env['PATH'] = path0;
    await rm(bin, { recursive: true, force: true });
  });

  const program = (name: string, script: string) =>
    writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;

  asRoot('installs the package, with fresh package lists where the old ones do not know it', async () => {
    const install = ['ffmpeg', 'ffprobe'].map((name) => `/bin/cp ${bin}/apt-get ${bin}/${name}`).join('; ');
    await program(
      'apt-get',
      `case "$*" in
        update) : > ${bin}/lists ;;
        *install*ffmpeg) [ -e ${bin}/lists ] || exit 100; ${install} ;;
      esac`,
    );
    const lines: string[] = [];
    const tools = await ensureFfmpeg(config, (line) => lines.push(line));
    expect(tools).toEqual({ ffmpeg: path.join(bin, 'ffmpeg'), ffprobe: path.join(bin, 'ffprobe') });
    expect(lines).toEqual([expect.stringContaining('ffmpeg is missing')]);
  });

  asRoot('says what apt-get said when that fails', async () => {
    await program('apt-get', 'echo "E: no space left" >&2; exit 100');
    await expect(ensureFfmpeg(config, () => undefined)).rejects.toThrow(/could not be installed[^]*E: no space left/);
  });

  test('and elsewhere says how to install it', async () => {
    await expect(ensureFfmpeg(config, () => undefined)).rejects.toThrow('ffmpeg is missing. Install it with');
  });
});
