/** A real S3 server behind a line that is slow, or takes nothing at all: what an upload does that outlasts a heartbeat timeout. */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { WorkflowHandle } from '@temporalio/client';
import type { ItemProgress, WorkItem } from '../../common/contracts';
import { LOST_AFTER_MS } from '../../common/heartbeats';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import { createStorage } from '../../storage';
import { ffmpeg, X264 } from '../support/clips';
import { startProxy, type Proxy } from '../support/proxy';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';
import { startStack, until, type Stack } from '../support/stack';

const MB = 1e6;
/**
 * Size of the upload and the time that the store takes for it: longer than the silence that a worker of such an item is granted. Another
 * size by hand: DARKROOM_TEST_UPLOAD=60MB/120s npx jest test/e2e/slow-store
 */
const [, MEGABYTES = '', SECONDS = ''] =
  /^(\d+)MB\/(\d+)s$/.exec(process.env['DARKROOM_TEST_UPLOAD'] ?? '18MB/10s') ?? [];
const UPLOAD = { bytes: Number(MEGABYTES) * MB, seconds: Number(SECONDS) };
/** What a source of its kind already is, so that the step is next to nothing but the upload. */
const PASSED_THROUGH = parsePreset(
  'through',
  'video: { rungs: [{ name: 720p, height: 720, crf: 23, maxrate: 60000, speed: ultrafast, audioBitrate: 64 }] }',
);

let s3: TestS3 | undefined;
let proxy: Proxy;
let stack: Stack;
let clip: string;

beforeAll(async () => {
  s3 = await startS3();
  if (s3 === undefined) return;
  await s3.bucket('out');
  proxy = await startProxy(Number(new URL(s3.endpoint).port));
  stack = await startStack({
    // Every rung is a task of its own, as in a long video.
    DARKROOM_SHORT_VIDEO: '0',
    DARKROOM_CHUNK_CPU: '45ms',
    S3_ENDPOINT: `http://127.0.0.1:${proxy.port}`,
    S3_FORCE_PATH_STYLE: 'true',
    S3_ACCESS_KEY_ID: s3.accessKey,
    S3_SECRET_ACCESS_KEY: s3.secretKey,
    DARKROOM_ALLOWED_BUCKETS: 'out',
    DARKROOM_IO_STALL: '5s',
  });
  await mkdir(path.join(stack.home, 'in'));
  clip = path.join(stack.home, 'in', 'clip.mp4');
  // Noise, which no encoder makes small: above 16 MiB, so that it goes up in parts.
  const seconds = UPLOAD.bytes / (6 * MB);
  ffmpeg(`-f rawvideo -s 1280x720 -r 25 -pix_fmt yuv420p -t ${seconds} -i /dev/urandom ${X264} -b:v 48M`, clip);
  await stack.worker();
}, 2 * S3_START_TIMEOUT);
afterAll(async () => {
  await stack?.stop();
  await proxy?.close();
  await s3?.stop();
});

async function start(itemKey: string, source = clip, preset = PASSED_THROUGH): Promise<[WorkItem, WorkflowHandle]> {
  const item: WorkItem = {
    batchId: 'slow',
    itemKey,
    kind: 'video',
    mode: 'interactive',
    source: pathToFileURL(source).href,
    output: `s3://out/${itemKey}`,
    preset,
    recipe: recipeHash(preset, 'video'),
    priority: 3,
    tenant: 'default',
  };
  const handle = await stack.client.workflow.start('processVideo', {
    workflowId: `slow/${itemKey}`,
    taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
    args: [item],
  });
  return [item, handle];
}

/** Which attempt each activity ended with, from the history. */
async function lastAttempts(handle: WorkflowHandle): Promise<number[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started ? [started.attempt ?? 0] : [],
  );
}

async function published(item: WorkItem): Promise<number | undefined> {
  const storage = createStorage(stack.config);
  const found = await storage.readManifest(item.output);
  storage.close();
  return found?.manifest.renditions[0]?.bytes;
}

async function encodeOf(handle: WorkflowHandle) {
  const { raw } = await handle.describe();
  return (raw.pendingActivities ?? []).find(({ activityType }) => activityType?.name === 'makeOutputs');
}

testWithS3(
  'an upload that takes longer than the heartbeat timeout is published by its first attempt',
  async () => {
    const { size } = await stat(clip);
    expect(size).toBeGreaterThan(16 * 2 ** 20);
    expect(UPLOAD.seconds).toBeGreaterThan((1.3 * LOST_AFTER_MS.interactive) / 1000);
    proxy.bytesPerSecond = size / UPLOAD.seconds;
    const started = performance.now();
    const [item, handle] = await start('slow');
    await handle.result();
    console.info(`${size} bytes published in ${Math.round((performance.now() - started) / 1000)} s`);
    expect(await lastAttempts(handle)).toEqual([1, 1, 1]);
    expect(await published(item)).toBeGreaterThan(16 * 2 ** 20);
  },
  60_000 + 2000 * UPLOAD.seconds,
);

testWithS3(
  'a store that stops taking bytes ends the attempt, and the next one publishes when it takes them again',
  async () => {
    proxy.bytesPerSecond = 2 * MB;
    const [item, handle] = await start('stalled');
    await until(async () => {
      const listed = await s3?.client.send(new ListMultipartUploadsCommand({ Bucket: 'out' }));
      return (listed?.Uploads ?? []).length > 0;
    });
    proxy.bytesPerSecond = 0;
    await until(async () => ((await encodeOf(handle))?.attempt ?? 0) > 1);
    proxy.bytesPerSecond = Infinity;
    const failure = (await encodeOf(handle))?.lastFailure;
    expect(failure?.applicationFailureInfo).toMatchObject({ type: 'StorageUnavailable', nonRetryable: false });
    expect(failure?.message).toMatch(/^No byte was read or written for \d+ s/);
    await handle.result();
    expect(await published(item)).toBeGreaterThan(16 * 2 ** 20);
  },
  180_000,
);

testWithS3(
  'a store that is away while a film is encoded in chunks costs time: what was done stays done',
  async () => {
    proxy.bytesPerSecond = Infinity;
    const film = ffmpeg(`-f lavfi -i testsrc2=s=320x180:r=30:d=26 ${X264}`, path.join(stack.home, 'in', 'film.mp4'));
    const rung = '{ name: low, height: 90, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }';
    const [item, handle] = await start('film', film, parsePreset('film', `video: { hls: true, rungs: [${rung}] }`));
    const states = async () =>
      (await handle.query<ItemProgress>('progress').catch(() => undefined))?.chunks?.groups[0]?.states ?? '';
    await until(async () => (await states()).includes('d'));
    proxy.refuse();
    const failures = async () => {
      const { raw } = await handle.describe();
      return (raw.pendingActivities ?? []).flatMap(
        ({ lastFailure }) => lastFailure?.applicationFailureInfo?.type ?? [],
      );
    };
    await until(async () => (await failures()).length > 0, 300);
    expect(new Set(await failures())).toEqual(new Set(['StorageUnavailable']));
    proxy.admit();
    await handle.result();
    const storage = createStorage(stack.config);
    const { manifest } = (await storage.readManifest(item.output))!;
    storage.close();
    expect(manifest.chunks).toBeGreaterThan(2);
    expect(manifest.renditions.find(({ role }) => role === 'video')?.frames).toBe(780);
    // Nothing was put into the queue twice: the server tried again by itself, and nothing that had ended.
    const { events } = await handle.fetchHistory();
    const scheduled = (events ?? []).filter(
      ({ activityTaskScheduledEventAttributes: of }) => of?.activityType?.name === 'makeChunk',
    );
    expect(scheduled).toHaveLength(manifest.chunks ?? 0);
    const listed = await s3?.client.send(new ListObjectsV2Command({ Bucket: 'out', Prefix: 'film/.work/' }));
    expect(listed?.Contents ?? []).toEqual([]);
  },
  180_000,
);
