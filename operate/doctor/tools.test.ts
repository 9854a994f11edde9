import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { settings } from '../../test/support/clips';
import { toolChecks } from './tools';

const folder = mkdtempSync(path.join(tmpdir(), 'darkroom-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('an encoder that only some presets need is named where the ffmpeg lacks it', async () => {
  const ffmpegPath = path.join(folder, 'ffmpeg');
  writeFileSync(ffmpegPath, `#!/bin/sh\n${settings.ffmpegPath} "$@" | grep -v libsvtav1\n`, { mode: 0o755 });
  const context = { config: { ...loadConfig(), ffmpegPath }, address: '', configured: false, connection: undefined };
  const find = async (name: string) => toolChecks.find((check) => check.name === name)?.run(context);
  expect(await find('ffmpeg libsvtav1')).toMatchObject({
    state: 'optional',
    detail: 'rungs with codec: av1 fail',
    mend: 'Install an ffmpeg that is built with libsvtav1',
  });
  expect(await find('ffmpeg encoders')).toMatchObject({ state: 'ok' });
});
