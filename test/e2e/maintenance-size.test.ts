/** Maintenance over many objects of a real S3 server: what is judged and removed, and with a large number what it costs. */
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cleanStore } from '../../activities/maintenance/store';
import { Findings, type StepContext } from '../../activities/maintenance/step';
import { outputName } from '../../activities/names';
import type { ActivityDeps } from '../../activities/deps';
import { loadConfig } from '../../common/config';
import type { Manifest } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import { createStorage, type Storage } from '../../storage';
import { startTestServer, type TestServer } from '../starter/server';
import { sampleManifest } from '../support/manifest';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';

/** In folders of ten: a manifest, eight outputs that it names, and one that it does not. */
const OBJECTS = Number(process.env['DARKROOM_TEST_OBJECTS'] ?? 2_000);
const FOLDERS = OBJECTS / 10;
const MONTH_MS = 30 * 86_400_000;

let s3: TestS3 | undefined;
let server: TestServer;
beforeAll(
  async () => {
    [s3, server] = await Promise.all([startS3(), startTestServer()]);
    await s3?.bucket('many');
    if (s3 === undefined) return;
    const folders = Array.from({ length: FOLDERS }, (_, index) => path.join(s3!.data, 'many/outputs', `item-${index}`));
    await forEachBounded(folders, 16, fill);
  },
  S3_START_TIMEOUT + OBJECTS * 10,
);
afterAll(async () => {
  await server.close();
  await s3?.stop();
});

async function fill(folder: string): Promise<void> {
  const runId = `run-of-${path.basename(folder)}`;
  const names = Array.from({ length: 9 }, (_, at) => {
    return `${outputName(`w${at}`, { runId, activityId: '1', attempt: 1 }, `${at}`.repeat(64))}.webp`;
  });
  const renditions = names.slice(1).map((name): Manifest['renditions'][number] => {
    return { name, role: 'image', path: name, mime: 'image/webp', bytes: 4, sha256: '00' };
  });
  await mkdir(folder, { recursive: true });
  const long = new Date(Date.now() - MONTH_MS);
  const texts = new Map(names.map((name) => [name, 'webp']));
  texts.set('manifest.json', JSON.stringify({ ...sampleManifest(runId), renditions }));
  for (const [name, text] of texts) {
    await writeFile(path.join(folder, name), text);
    await utimes(path.join(folder, name), long, long);
  }
}

async function count(storage: Storage): Promise<number> {
  let found = 0;
  for await (const _ of storage.list('s3://many/outputs', { hidden: true })) found++;
  return found;
}

testWithS3(
  'the outputs that no manifest names are removed, and nothing else',
  async () => {
    const config = loadConfig({
      S3_ENDPOINT: s3!.endpoint,
      S3_FORCE_PATH_STYLE: 'true',
      S3_ACCESS_KEY_ID: s3!.accessKey,
      S3_SECRET_ACCESS_KEY: s3!.secretKey,
      DARKROOM_ALLOWED_BUCKETS: 'many',
      DARKROOM_OUTPUT: 's3://many/outputs',
    });
    const storage = createStorage(config);
    const begun = performance.now();
    expect(await count(storage)).toBe(OBJECTS);
    const listed = performance.now();
    const findings = new Findings(true, undefined, () => undefined);
    const heap = { before: process.memoryUsage(), most: 0 };
    const timer = setInterval(() => (heap.most = Math.max(heap.most, process.memoryUsage().rss)), 100);
    // Of all that activities work with, this step takes these.
    const deps = { config, storage } as ActivityDeps;
    const pulse = { throwIfOver: () => undefined, signal: new AbortController().signal };
    const { client } = server;
    const rest = { client, cleanup: true, now: Date.now(), log: { warn: () => undefined } };
    await cleanStore({ deps, findings, pulse, ...rest } as unknown as StepContext);
    const cleaned = performance.now();
    clearInterval(timer);
    expect(findings.tally).toMatchObject({ found: FOLDERS, removed: FOLDERS, bytes: 4 * FOLDERS });
    expect(await count(storage)).toBe(OBJECTS - FOLDERS);
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    if (OBJECTS > 2_000) {
      const times = `listed in ${seconds(listed - begun)}, maintained in ${seconds(cleaned - listed)}`;
      const memory = `resident ${mib(heap.before.rss)} before, ${mib(heap.most)} at most`;
      console.log(`${OBJECTS} objects: ${times}, ${FOLDERS} removed; ${memory}`);
    }
    storage.close();
  },
  60_000 + OBJECTS * 3,
);
