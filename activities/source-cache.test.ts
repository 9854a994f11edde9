import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SourceCache, type FetchTo } from './source-cache';

const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-sources-'));
afterAll(() => rmSync(folder, { recursive: true }));

let fetches = 0;
beforeEach(() => {
  fetches = 0;
  rmSync(folder, { recursive: true, force: true });
});

/** A source of `bytes` bytes. */
function source(uri: string, fingerprint: string, bytes: number): FetchTo {
  return async (workPath, onProgress) => {
    fetches++;
    await writeFile(workPath, Buffer.alloc(bytes));
    onProgress(bytes);
    return { uri, fingerprint, bytes, path: workPath, sha256: 'abc', isUnchanged: () => Promise.resolve(true) };
  };
}

const version = (name: string, fingerprint = '1') => ({ uri: `s3://media/${name}`, fingerprint });
const fetchOf = (name: string, fingerprint = '1', bytes = 100) => source(`s3://media/${name}`, fingerprint, bytes);

test('two tasks of an item share one fetch, also when they ask at once, and both hear of its progress', async () => {
  const cache = new SourceCache(folder, 1000);
  const heard: string[] = [];
  const [a, b] = await Promise.all([
    cache.lease(version('a'), fetchOf('a'), { onProgress: () => heard.push('a') }),
    cache.lease(version('a'), fetchOf('a'), { onProgress: () => heard.push('b') }),
  ]);
  const later = await cache.lease(version('a'), fetchOf('a'));
  expect(fetches).toBe(1);
  expect(new Set([a, b, later].map((lease) => lease.source.path)).size).toBe(1);
  expect(heard).toEqual(['a', 'b']);
});

test('another version of a source is another source', async () => {
  const cache = new SourceCache(folder, 1000);
  const old = await cache.lease(version('a', '1'), fetchOf('a', '1'));
  const replaced = await cache.lease(version('a', '2'), fetchOf('a', '2'));
  expect(replaced.source.path).not.toBe(old.source.path);
  expect(fetches).toBe(2);
});

test('sources that nobody reads go when there are too many bytes of them, the least recently used first', async () => {
  const cache = new SourceCache(folder, 200);
  const leases = [];
  for (const name of ['a', 'b', 'c']) leases.push(await cache.lease(version(name), fetchOf(name)));
  expect(cache.bytes).toBe(300);
  const [a, b, c] = leases.map(({ source: { path: file } }) => file);
  for (const lease of leases) await lease.release();
  expect([a, b, c].map((file) => existsSync(file ?? ''))).toEqual([false, true, true]);
  await cache.trim(0);
  expect(readdirSync(folder)).toEqual([]);
});

test('a source in use stays, and its second release counts for nothing', async () => {
  const cache = new SourceCache(folder, 0);
  const first = await cache.lease(version('a'), fetchOf('a'));
  const second = await cache.lease(version('a'), fetchOf('a'));
  await first.release();
  await first.release();
  expect(existsSync(second.source.path)).toBe(true);
  await second.release();
  expect(existsSync(second.source.path)).toBe(false);
});

test('a task whose signal aborts stops waiting; when the task that fetches fails, the next one fetches', async () => {
  const cache = new SourceCache(folder, 1000);
  let failing: Promise<unknown> | undefined;
  let fail: (error: Error) => void = () => undefined;
  const begun = new Promise<void>((begin) => {
    const never = () => new Promise<never>((_, reject) => ((fail = reject), begin()));
    failing = cache.lease(version('a'), never);
  });
  const abort = new AbortController();
  const leaving = cache.lease(version('a'), fetchOf('a'), { signal: abort.signal });
  const waiting = cache.lease(version('a'), fetchOf('a'));
  await begun;
  abort.abort(new Error('cancelled'));
  await expect(leaving).rejects.toThrow('cancelled');
  fail(new Error('the store is away'));
  await expect(failing).rejects.toThrow('the store is away');
  expect((await waiting).source.sha256).toBe('abc');
  expect(fetches).toBe(1);
});

test('a source that changes on the disk is not handed out again, and goes when nobody reads it', async () => {
  const cache = new SourceCache(folder, 1000);
  let isUnchanged = true;
  const changing: FetchTo = async (...args) => ({
    ...(await fetchOf('a')(...args)),
    isUnchanged: () => Promise.resolve(isUnchanged),
  });
  const reader = await cache.lease(version('a'), changing);
  isUnchanged = false;
  const next = await cache.lease(version('a'), fetchOf('a'));
  expect(fetches).toBe(2);
  expect(next.source.path).not.toBe(reader.source.path);
  expect(existsSync(reader.source.path)).toBe(true);
  await reader.release();
  expect(existsSync(reader.source.path)).toBe(false);
  expect(existsSync(next.source.path)).toBe(true);
});

test('a source that no further task wants goes at once, one that is forgotten later', async () => {
  const cache = new SourceCache(folder, 1000, 20);
  const last = await cache.lease(version('a'), fetchOf('a'));
  await last.release(false);
  expect(readdirSync(folder)).toEqual([]);
  await (await cache.lease(version('b'), fetchOf('b'))).release();
  expect(readdirSync(folder)).toHaveLength(1);
  while (readdirSync(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('whatever comes and goes at once: no file goes while it is read, and idle ones never exceed the bound', async () => {
  const cache = new SourceCache(folder, 250);
  const task = async (seed: number): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      const [name, fingerprint] = [String((seed * 7 + round * 3) % 5), String((seed + round) % 2)];
      const known = (seed + round) % 3 > 0 ? version(name, fingerprint) : undefined;
      const lease = await cache.lease(known, fetchOf(name, fingerprint));
      await new Promise((resolve) => setImmediate(resolve));
      expect(existsSync(lease.source.path)).toBe(true);
      await lease.release((seed + round) % 4 > 0);
    }
  };
  await Promise.all([1, 2, 3, 4].map(task));
  expect(cache.bytes).toBeLessThanOrEqual(250);
  expect(readdirSync(folder)).toHaveLength(cache.bytes / 100);
});
