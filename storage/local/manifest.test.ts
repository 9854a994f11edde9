import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sampleManifest } from '../../test/support/manifest';
import { loadConfig } from '../../common/config';
import { createStorage, fileUri, type Storage } from '..';

let root: string;
let item: string;
let storage: Storage;

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'darkroom-manifest-'));
  item = fileUri(path.join(root, 'item'));
  storage = createStorage(loadConfig({ DARKROOM_ALLOWED_ROOTS: root }));
});
afterEach(async () => {
  storage.close();
  await fs.rm(root, { recursive: true, force: true });
});

test('a manifest is written, read and replaced by version', async () => {
  expect(await storage.readManifest(item)).toBeUndefined();
  expect(await storage.replaceManifest(item, sampleManifest('1'), undefined)).toBe('written');
  const first = await storage.readManifest(item);
  expect(first?.manifest).toEqual(sampleManifest('1'));
  expect(await storage.replaceManifest(item, sampleManifest('2'), undefined)).toBe('conflict');
  expect(await storage.replaceManifest(item, sampleManifest('2'), first?.version)).toBe('written');
  expect(await storage.replaceManifest(item, sampleManifest('3'), first?.version)).toBe('conflict');
  expect((await storage.readManifest(item))?.manifest.workflow.runId).toBe('2');
  expect(await fs.readdir(path.join(root, 'item'))).toEqual(['manifest.json']);
});

test('writing the same manifest again, after a lost answer, is no conflict', async () => {
  await storage.replaceManifest(item, sampleManifest('1'), undefined);
  expect(await storage.replaceManifest(item, sampleManifest('1'), undefined)).toBe('written');
});

test('of twenty writers at once exactly one wins', async () => {
  const runs = Array.from({ length: 20 }, (_, run) =>
    storage.replaceManifest(item, sampleManifest(`${run}`), undefined),
  );
  const outcomes = await Promise.all(runs);
  expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
});

test('the lock of a process that died does not hold for ever', async () => {
  await fs.mkdir(path.join(root, 'item'));
  const lock = path.join(root, 'item', '.manifest.json.lock');
  await fs.writeFile(lock, '');
  const old = new Date(Date.now() - 60_000);
  await fs.utimes(lock, old, old);
  expect(await storage.replaceManifest(item, sampleManifest('1'), undefined)).toBe('written');
  expect(await fs.readdir(path.join(root, 'item'))).toEqual(['manifest.json']);
});

test.each(['{"mine": true}', 'not JSON', 'null', ''])('a foreign manifest.json (%j) is left alone', async (text) => {
  await storage.writeText(`${item}/manifest.json`, text, 'application/json');
  await expect(storage.readManifest(item)).rejects.toMatchObject({ type: 'InvalidJob' });
  await expect(storage.replaceManifest(item, sampleManifest('1'), undefined)).resolves.toBe('conflict');
});

test('a manifest.json of 64 MiB is refused by its size, not read', async () => {
  await fs.mkdir(path.join(root, 'item'));
  const file = await fs.open(path.join(root, 'item', 'manifest.json'), 'w');
  await file.truncate(64 * 1024 * 1024);
  await file.close();
  const before = process.memoryUsage.rss();
  for (let n = 0; n < 5; n++) {
    await expect(storage.readManifest(item)).rejects.toMatchObject({ type: 'InvalidJob' });
    const replaced = storage.replaceManifest(item, sampleManifest('1'), undefined);
    await expect(replaced).rejects.toMatchObject({ type: 'InvalidJob' });
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
});

describe('what is no manifest', () => {
  const stream = { count: 2, bytes: 9 };
  const rendition = { name: 'a', role: 'image', path: 'a.webp', mime: 'image/webp', bytes: 1, sha256: '00' };
  const read = async (change: object): Promise<unknown> => {
    await storage.writeText(`${item}/manifest.json`, JSON.stringify({ ...sampleManifest('1'), ...change }), '');
    return (await storage.readManifest(item))?.manifest;
  };

  test.each([
    ['a path that leads out', { renditions: [{ ...rendition, path: '../other/a.webp' }] }],
    ['an absolute path', { renditions: [{ ...rendition, path: '/etc/passwd' }] }],
    ['bytes that are no number', { renditions: [{ ...rendition, bytes: '1' }] }],
    ['a source without a URI', { source: { sha256: '' } }],
    ['no workflow', { workflow: undefined }],
    ['no tenant', { tenant: undefined }],
    ['another version', { version: 2 }],
    ['too many renditions', { renditions: Array.from({ length: 10_001 }, () => rendition) }],
  ])('%s', async (_what, change) => {
    await expect(read(change)).rejects.toMatchObject({ type: 'InvalidJob' });
  });

  test('what a later version says beside is kept', async () => {
    const more = { renditions: [{ ...rendition, segments: stream, hdr: 'gain map' }], later: { a: 1 } };
    await expect(read(more)).resolves.toEqual({ ...sampleManifest('1'), ...more });
  });
});
