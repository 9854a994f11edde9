/** Tasks of one video on one worker, and their source: real ffmpeg, a web server that counts. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import type { PlanRef, Task } from '../common/tasks';
import { parsePreset } from '../media/presets';
import { createStorage, fileUri } from '../storage';
import { ffmpeg, picture, X264 } from '../test/support/clips';
import { attempt, labItem, openLab, type Lab } from '../test/support/lab';
import type { ActivityDeps } from './deps';
import { makeImage } from './image';
import { makeVideo } from './make-video';
import { SourceCache } from './source-cache';
import { makeOutputs } from './video-tasks';

const rung = (name: string, height: number): string =>
  `{ name: ${name}, height: ${height}, crf: 30, maxrate: 200, speed: ultrafast, audioBitrate: 64 }`;
const PRESET = parsePreset('tasks', `video: { audio: drop, rungs: [${rung('low', 90)}, ${rung('high', 120)}] }`);

let lab: Lab;
let server: http.Server;
let address: string;
/** What the server gives away now, and how often the whole of it was asked for. */
let served: { bytes: Buffer; etag: string; fetches: number } = { bytes: Buffer.alloc(0), etag: '', fetches: 0 };
let clips: { red: Buffer; blue: Buffer };

beforeAll(async () => {
  server = http.createServer((request, response) => {
    const { bytes, etag } = served;
    response.setHeader('etag', `"${etag}"`);
    if (request.headers.range === 'bytes=0-0') {
      response.writeHead(206, { 'content-range': `bytes 0-0/${bytes.length}` }).end(bytes.subarray(0, 1));
    } else {
      served.fetches++;
      response.end(bytes);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  lab = await openLab({
    DARKROOM_SHORT_VIDEO: '0',
    DARKROOM_ALLOWED_HOSTS: '127.0.0.1',
    DARKROOM_PRIVATE_HOSTS: address,
  });
  const clip = (seconds: number) =>
    readFile(ffmpeg(`${picture('160x120', seconds)} ${X264}`, path.join(lab.root, `${seconds}.mp4`)));
  clips = { red: await clip(1), blue: await clip(2) };
});
afterAll(async () => {
  server.close();
  await lab.close();
});

let folder: string;
let kept: string;
let deps: ActivityDeps;
beforeEach(async () => {
  folder = await mkdtemp(path.join(lab.root, 'case-'));
  kept = path.join(folder, 'kept');
  deps = { ...lab.deps, sources: new SourceCache(kept, 1e9) };
  served = { bytes: clips.red, etag: 'red', fetches: 0 };
});
afterEach(() => deps.sources?.trim(0));

const web = (): WorkItem =>
  labItem(path.join(folder, 'x'), { kind: 'video', source: `http://${address}/clip.mp4`, preset: PRESET });

async function local(bytes: Buffer): Promise<[WorkItem, string]> {
  const file = path.join(folder, 'clip.mp4');
  await writeFile(file, bytes);
  return [labItem(file, { kind: 'video', source: fileUri(file), preset: PRESET }), file];
}

async function plan(item: WorkItem): Promise<PlanRef> {
  const outcome = await attempt(() => makeVideo(deps, item));
  if (!('planned' in outcome)) throw new Error('made at once');
  return outcome.planned;
}

/** The tasks of a plan that read the source, all at once. */
function runAll(item: WorkItem, { plan, tasks }: PlanRef) {
  const run = (task: Task) => attempt(() => makeOutputs(deps, item, { plan, task, results: {} }));
  return Promise.all(tasks.filter(({ activity }) => activity === 'makeOutputs').map(run));
}

test('a host that drips is tried a few times, and then given up with its reason', async () => {
  const drip = http.createServer((_, response) => {
    const timer = setInterval(() => response.write('x'), 20);
    response.once('close', () => clearInterval(timer));
  });
  await new Promise<void>((resolve) => drip.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(drip.address() as AddressInfo).port}`;
  const config = { ...lab.deps.config, privateHosts: [host] };
  const storage = createStorage(config, { answer: 5000, window: 100, windowBytes: 10_000 });
  try {
    const item = labItem(path.join(folder, 'x'), { source: `http://${host}/a.jpg` });
    const failure = (number: number): Promise<unknown> =>
      attempt(() => makeImage({ ...deps, config, storage }, item), { attempt: number }).catch(
        (error: unknown) => error,
      );
    expect(await failure(7)).toMatchObject({ type: 'SourceUnavailable', nonRetryable: false });
    expect(await failure(8)).toMatchObject({
      ...{ type: 'SourceUnavailable', nonRetryable: true },
      message: expect.stringMatching(/was too slow\. It was tried 8 times\.$/) as string,
    });
  } finally {
    storage.close();
    drip.closeAllConnections();
    drip.close();
  }
});

test('the source is fetched once for all tasks', async () => {
  const item = web();
  const made = await runAll(item, await plan(item));
  expect(made.flatMap(({ renditions }) => renditions.map(({ height }) => height)).sort()).toEqual([120, 90]);
  expect(served.fetches).toBe(1);
  expect(readdirSync(kept)).toHaveLength(1);
});

test('without a cache each task fetches its own', async () => {
  deps = { ...deps, sources: undefined };
  const item = web();
  await runAll(item, await plan(item));
  expect(served.fetches).toBe(3);
});

test('a source that is replaced between two tasks is noticed', async () => {
  const item = web();
  const planned = await plan(item);
  served = { ...served, bytes: clips.blue, etag: 'blue' };
  await expect(runAll(item, planned)).rejects.toMatchObject({ type: 'SourceReplaced' });
});

test('so is a local file that is written to in place between two tasks', async () => {
  const [item] = await local(clips.red);
  const planned = await plan(item);
  await writeFile(new URL(item.source), clips.blue);
  await expect(runAll(item, planned)).rejects.toMatchObject({ type: 'SourceReplaced' });
});

test('and one that is written to while a task reads it is not kept', async () => {
  const [item, file] = await local(clips.red);
  const { plan: uri, tasks } = await plan(item);
  const [task] = tasks as [Task];
  const other = path.join(folder, 'other.mp4');
  await writeFile(other, clips.blue);
  // Writes over the source, then is ffmpeg.
  const ffmpegPath = path.join(folder, 'ffmpeg');
  const script = `#!/bin/sh\ncat ${other} >${file}\nexec ${deps.ffmpeg.ffmpegPath} "$@"\n`;
  await writeFile(ffmpegPath, script, { mode: 0o755 });
  const hostile = { ...deps, ffmpeg: { ...deps.ffmpeg, ffmpegPath } };
  await expect(attempt(() => makeOutputs(hostile, item, { plan: uri, task, results: {} }))).rejects.toMatchObject({
    type: 'SourceUnavailable',
    message: expect.stringContaining('changed while it was being processed') as string,
  });
  expect(readdirSync(kept)).toEqual([]);
});

test('a short video, which one activity makes, is not kept', async () => {
  deps = { ...deps, config: { ...deps.config, shortVideo: 1000 } };
  const outcome = await attempt(() => makeVideo(deps, web()));
  expect(outcome).toHaveProperty('result');
  expect(existsSync(kept) ? readdirSync(kept) : []).toEqual([]);
});
