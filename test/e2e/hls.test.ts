/**
 * A video with HLS through the whole system, with a worker that dies while it packages; then as a player gets it. Over S3
 * where there is a server for it, so that the steps have nothing in common but the store; else over local files.
 */
import { HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Manifest, Rendition } from '../../common/contracts';
import { fileUri } from '../../storage';
import { bearer, keyEntry, startApi, type Answer, type Api } from '../api/support';
import { clipFolder, ffmpeg, picture, processesWith, settings, sound, X264 } from '../support/clips';
import { S3_START_TIMEOUT, startS3, type TestS3 } from '../support/s3';
import { startStack, until, workFolders, type Stack } from '../support/stack';

const clips = clipFolder();
const acme = bearer('acme-secret-0123456789');
const JOB = 'acme.films~film';
let s3: TestS3 | undefined;
let stack: Stack;
let api: Api;
let manifest: Manifest;
let hls: Rendition;

beforeAll(async () => {
  s3 = await startS3();
  await s3?.bucket('media');
  stack = await startStack({
    ...(s3 && {
      S3_ENDPOINT: s3.endpoint,
      S3_FORCE_PATH_STYLE: 'true',
      S3_ACCESS_KEY_ID: s3.accessKey,
      S3_SECRET_ACCESS_KEY: s3.secretKey,
      DARKROOM_ALLOWED_BUCKETS: 'media',
      DARKROOM_OUTPUT: 's3://media',
    }),
  });
  const keys = path.join(stack.home, 'keys');
  const entries = [
    keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
    keyEntry('globex-1', 'globex', 0, 'globex-secret-0123456789'),
  ];
  await writeFile(keys, entries.join('\n'));
  api = await startApi(stack, { DARKROOM_API_KEYS_FILE: keys });
}, S3_START_TIMEOUT);
afterAll(async () => {
  await api.stop();
  await stack.stop();
  await s3?.stop();
  clips.remove();
});

const get = (rest: string, headers = acme) => api.call('GET', `/v1/jobs/${JOB}${rest}`, undefined, headers);
const file = (name: string, headers = {}) => get(`/files/${name}`, { ...acme, ...headers });

interface Step {
  name: string;
  state: string;
  attempts: number;
}

const stepsNow = async () => ((await get('')).body.progress?.steps ?? []) as Step[];

/** Every file that was published so far. */
async function published(): Promise<string[]> {
  if (s3 === undefined) return readdir(stack.home, { recursive: true });
  const { Contents } = await s3.client.send(new ListObjectsV2Command({ Bucket: 'media' }));
  return (Contents ?? []).map(({ Key }) => Key ?? '');
}

/** Copying is over at once; an ffmpeg that cuts at the speed of playing can be caught in the middle. */
async function slowFfmpeg(): Promise<string> {
  const script = clips.at('slow-ffmpeg');
  const slow = `case " $* " in *" -f hls "*) exec ${settings.ffmpegPath} -re "$@" ;; esac`;
  await writeFile(script, `#!/bin/sh\n${slow}\nexec ${settings.ffmpegPath} "$@"\n`, { mode: 0o755 });
  return script;
}

test('a worker killed while it packages: another one packages, and encodes nothing again', async () => {
  const source = path.join(stack.home, 'in', 'film.mp4');
  await mkdir(path.dirname(source));
  ffmpeg(`${picture('854x480', 8, 30)} ${sound(8)} ${X264} -c:a aac`, source);
  // As for a long video: every rung is a task of its own.
  const first = await stack.worker({ FFMPEG_PATH: await slowFfmpeg(), DARKROOM_SHORT_VIDEO: '0' });
  const job = { id: 'film', batch: 'films', source: fileUri(source), preset: 'stream' };
  expect(await api.call('POST', '/v1/jobs', job, acme)).toMatchObject({ status: 202, body: { id: JOB } });
  await until(async () => (await stepsNow()).some(({ name, state }) => name === 'package' && state === 'running'), 200);
  process.kill(first.pid, 'SIGKILL');
  await first.ended;

  const second = await stack.worker();
  await until(async () => (await get('')).body.state !== 'running', 300);
  const { body } = await get('/result');
  expect(body).toMatchObject({ state: 'succeeded' });
  manifest = body.manifest as Manifest;
  const history = await stack.client.workflow.getHandle('acme.films/film').fetchHistory();
  const scheduled = (history.events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: of }) => of?.activityType?.name ?? [],
  );
  const attempts = (history.events ?? []).flatMap(({ activityTaskStartedEventAttributes: of }) => of?.attempt ?? []);
  expect([...scheduled].sort()).toEqual(
    ['makeVideo', 'makeSound', 'makeOutputs', 'makeOutputs', 'packageStream', 'publishOutputs'].sort(),
  );
  expect(attempts.filter((attempt) => attempt > 1)).toHaveLength(1);
  await second.stop();
}, 180_000);

test('the manifest names the stream, beside the files that it was cut from', () => {
  const { renditions } = manifest;
  expect(renditions.map(({ role }) => role)).toEqual([
    'stream',
    'stream',
    'video',
    'video',
    'poster',
    'sprite',
    'storyboard',
  ]);
  expect(renditions[1]).toMatchObject({ name: 'dash', mime: 'application/dash+xml' });
  hls = renditions[0] as Rendition;
  expect(hls).toMatchObject({
    name: 'hls',
    path: expect.stringMatching(/^hls-[0-9a-f]{12}-[0-9a-f]{10}\/master\.m3u8$/) as string,
    mime: 'application/vnd.apple.mpegurl',
    // Two rungs and the sound, 6 s and the rest of each.
    segments: { count: 6, bytes: expect.any(Number) as number },
  });
  expect(hls.durationSeconds).toBeCloseTo(8, 0);
});

test('the API serves the playlists and whatever they name, whole and in ranges', async () => {
  const master = await file(hls.path);
  expect(master.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
  expect(Buffer.byteLength(master.body as string)).toBe(hls.bytes);
  let segments = 0;
  for (const playlist of namedBy(master)) {
    // Its segments are those of the rung.
    if (playlist.endsWith('keyframes.m3u8')) continue;
    const folder = `${path.posix.dirname(hls.path)}/${path.posix.dirname(playlist)}`;
    const media = await file(`${path.posix.dirname(hls.path)}/${playlist}`);
    for (const name of namedBy(media)) {
      const { status, headers } = await file(`${folder}/${name}`, { range: 'bytes=0-99' });
      expect([status, headers.get('content-length')]).toEqual([206, '100']);
      expect(headers.get('content-type')).toBe(name.endsWith('.m4s') ? 'video/iso.segment' : 'video/mp4');
      if (name.endsWith('.m4s')) segments++;
    }
  }
  expect(segments).toBe(hls.segments?.count);
});

test('the store knows the types too, for whoever serves from it', async () => {
  // startS3 has said why.
  if (s3 === undefined) return;
  const types: Record<string, string> = {
    m3u8: 'application/vnd.apple.mpegurl',
    m4s: 'video/iso.segment',
    mp4: 'video/mp4',
    mpd: 'application/dash+xml',
  };
  const keys = (await published()).filter((key) => /\/hls-/.test(key));
  expect(keys.length).toBeGreaterThan(6);
  for (const key of keys) {
    const { ContentType } = await s3.client.send(new HeadObjectCommand({ Bucket: 'media', Key: key }));
    expect(ContentType).toBe(types[path.extname(key).slice(1)]);
  }
});

test('another tenant, and a way out of the folder, find nothing', async () => {
  const folder = path.posix.dirname(hls.path);
  const theirs = await get(`/files/${hls.path}`, bearer('globex-secret-0123456789'));
  expect(theirs.status).toBe(404);
  for (const name of [`${folder}/..%2f..%2fmanifest.json`, `${folder}/video-9p/index.m3u8`, `${folder}/`]) {
    expect((await file(name)).status).toBe(404);
  }
});

test('a cancelled item ends its packaging, and nothing of it is published', async () => {
  const scratch = path.join(stack.home, 'own-scratch');
  const worker = await stack.worker({
    FFMPEG_PATH: await slowFfmpeg(),
    DARKROOM_SCRATCH_DIR: scratch,
    DARKROOM_SHORT_VIDEO: '0',
  });
  const source = path.join(stack.home, 'in', 'long.mp4');
  ffmpeg(`${picture('160x90', 60)} ${X264}`, source);
  const job = { id: 'long', batch: 'films', source: fileUri(source), preset: 'stream' };
  await api.call('POST', '/v1/jobs', job, acme);
  const packaging = () => processesWith(scratch).filter((pid) => processesWith('hls').includes(pid));
  await until(() => packaging().length > 0);
  await api.call('POST', '/v1/jobs/acme.films~long/cancel', undefined, acme);
  await until(async () => packaging().length === 0 && (await workFolders(scratch)).length === 0, 200);
  const state = async () => (await api.call('GET', '/v1/jobs/acme.films~long', undefined, acme)).body.state as string;
  await until(async () => (await state()) !== 'running', 200);
  expect(await state()).toBe('cancelled');
  expect((await published()).filter((name) => /films\/long\//.test(name))).toEqual([]);
  await worker.stop();
}, 60_000);

/** What a playlist leads to, in its lines and in the attributes of its tags. */
function namedBy({ body }: Answer): string[] {
  const text = String(body);
  const uris = [...text.matchAll(/URI="([^"]+)"/g)].map(([, uri]) => uri ?? '');
  return [...uris, ...text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))];
}
