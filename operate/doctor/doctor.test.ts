import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { ensureTemporalServer } from '../../local/embedded/temporal-server';
import { freePort } from '../../local/embedded/free-port';
import { stopTemporalServer } from '../../local/embedded/server-record';
import { diagnose, format, healthy } from '.';

let home: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-home-'));
  env = {
    DARKROOM_HOME: home,
    DARKROOM_SCRATCH_DIR: path.join(home, 'scratch'),
    DARKROOM_TEMPORAL_PORT: String(await freePort()),
    DARKROOM_TEMPORAL_UI_PORT: String(await freePort()),
  };
});

afterEach(async () => {
  await stopTemporalServer(home);
  await rm(home, { recursive: true, force: true });
});

async function finding(name: string) {
  const results = await diagnose(env);
  return { result: results.find((result) => result.name === name), healthy: healthy(results), text: format(results) };
}

test('names every bad variable and stops there', async () => {
  env['DARKROOM_IMAGE_SLOTS'] = 'many';
  const { result, text } = await finding('configuration');
  expect(result).toMatchObject({ state: 'broken', mend: expect.stringContaining('.env.example') });
  expect(text).toMatch(/BROKEN .*configuration .*\n.*DARKROOM_IMAGE_SLOTS/);
});

test('a missing ffmpeg is missing, with how to install it', async () => {
  env['FFMPEG_PATH'] = '/nowhere/ffmpeg';
  const { result, healthy } = await finding('ffmpeg');
  expect(result).toMatchObject({ state: 'missing', mend: expect.stringContaining('install') });
  expect(healthy).toBe(false);
});

test('no server of our own is fine, since the commands start one; a configured one that is silent is missing', async () => {
  expect((await finding('Temporal server')).result?.state).toBe('optional');
  env['TEMPORAL_ADDRESS'] = `127.0.0.1:${env['DARKROOM_TEMPORAL_PORT']}`;
  expect((await finding('Temporal server')).result).toMatchObject({ state: 'missing' });
});

test('asks a running server for its namespace, search attributes and workers', async () => {
  await ensureTemporalServer({ ...loadConfig(env), temporalAddress: undefined }, () => undefined);
  const results = await diagnose(env);
  const states = Object.fromEntries(results.map(({ name, state }) => [name, state]));
  expect(states).toMatchObject({
    'Temporal server': 'ok',
    'Temporal namespace': 'ok',
    'search attributes': 'ok',
    'image workers': 'optional',
  });
});

test('a scratch folder that cannot be made is broken', async () => {
  env['DARKROOM_SCRATCH_DIR'] = '/dev/null/scratch';
  expect((await finding('scratch folder')).result).toMatchObject({ state: 'broken' });
});

test('an allowed bucket that is not reachable is broken', async () => {
  Object.assign(env, {
    DARKROOM_ALLOWED_BUCKETS: 'photos',
    S3_ENDPOINT: `http://127.0.0.1:${env['DARKROOM_TEMPORAL_PORT']}`,
    S3_ACCESS_KEY_ID: 'key',
    S3_SECRET_ACCESS_KEY: 'secret',
  });
  expect((await finding('S3')).result).toMatchObject({ state: 'broken' });
});
