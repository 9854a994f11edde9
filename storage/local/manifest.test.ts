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
