import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import type { DarkroomError } from '../../common/errors';
import { testWhere } from '../../test/support/only-where';
import { canMountSmallDisk, mountSmallDisk } from '../../test/support/small-disk';
import { createStorage, fileUri, type Storage } from '..';

const NOBODY = 65_534;
let base: string;
let storage: Storage;
const at = (...names: string[]): string => fileUri(path.join(base, ...names));

beforeEach(async () => {
  base = await fs.mkdtemp(path.join(tmpdir(), 'darkroom-disk-'));
  await fs.chmod(base, 0o755);
  storage = createStorage(loadConfig({ DARKROOM_ALLOWED_ROOTS: base }));
});
afterEach(async () => {
  storage.close();
  await fs.rm(base, { recursive: true, force: true });
});

async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason as DarkroomError,
  );
  return `${error?.type}: ${error?.message}`;
}

/** Root may read everything, so there the work is done as somebody else. */
async function unprivileged(work: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

async function listAll(uri: string, hidden = false): Promise<{ found: string[]; errors: DarkroomError[] }> {
  const found: string[] = [];
  const errors: DarkroomError[] = [];
  for await (const info of storage.list(uri, { hidden, onError: (error) => errors.push(error) })) found.push(info.uri);
  return { found: found.sort(), errors };
}

test('listing goes through folders and skips hidden names', async () => {
  for (const name of ['a.jpg', 'sub/b c.jpg', 'sub/deep/ü.mp4', '.hidden', '.git/x', 'sub/.c.jpg.123.part']) {
    await fs.mkdir(path.dirname(path.join(base, name)), { recursive: true });
    await fs.writeFile(path.join(base, name), 'x');
  }
  const plain = [at('a.jpg'), at('sub', 'b c.jpg'), at('sub', 'deep', 'ü.mp4')].sort();
  expect(await listAll(fileUri(base))).toEqual({ found: plain, errors: [] });
  expect((await listAll(fileUri(base), true)).found).toHaveLength(6);
  expect((await listAll(at('a.jpg'))).found).toEqual([at('a.jpg')]);
  await expect(listAll(at('missing'))).rejects.toMatchObject({ type: 'SourceNotFound' });
});

test('listing tells of empty folders, which can be removed with what is empty above them; others stay', async () => {
  for (const name of ['a/b/empty', 'used/empty', '.hidden']) await fs.mkdir(path.join(base, name), { recursive: true });
  await fs.writeFile(path.join(base, 'used/file'), 'x');
  const empty: string[] = [];
  const onEmpty = (uri: string, modified: number): Promise<void> => {
    expect(Math.abs(Date.now() - modified)).toBeLessThan(60_000);
    empty.push(uri);
    return storage.removeEmpty(uri);
  };
  const found: string[] = [];
  for await (const { uri } of storage.list(fileUri(base), { hidden: true, onEmpty })) found.push(uri);
  expect(found).toEqual([at('used', 'file')]);
  expect(empty.sort()).toEqual([at('.hidden'), at('a', 'b', 'empty'), at('used', 'empty')].sort());
  expect((await fs.readdir(base, { recursive: true })).sort()).toEqual(['used', 'used/file']);
  await storage.removeEmpty(at('used'));
  await storage.removeEmpty(at('nothing'));
  expect(await fs.readdir(base)).toEqual(['used']);
});

test('listing names what is no file and goes on', async () => {
  await fs.writeFile(path.join(base, 'good'), 'x');
  await fs.symlink('good', path.join(base, 'link'));
  await fs.symlink('/etc/hostname', path.join(base, 'out'));
  await fs.symlink('gone', path.join(base, 'dangling'));
  await fs.symlink('.', path.join(base, 'round'));
  execFileSync('mkfifo', [path.join(base, 'fifo')]);
  await fs.writeFile(Buffer.concat([Buffer.from(`${base}/bad-`), Buffer.from([0xff])]), 'x');
  const { found, errors } = await listAll(fileUri(base));
  expect(found).toEqual([at('good'), at('link')]);
  const types = errors.map(({ type }) => type).sort();
  expect(types).toEqual(['InvalidJob', 'InvalidJob', 'InvalidJob', 'SourceForbidden', 'SourceNotFound']);
});

test('an unreadable folder or file is named; the others go on', async () => {
  await fs.mkdir(path.join(base, 'closed'));
  for (const name of ['closed/a', 'b', 'secret']) await fs.writeFile(path.join(base, name), 'x');
  await fs.chmod(path.join(base, 'closed'), 0);
  await fs.chmod(path.join(base, 'secret'), 0);
  try {
    await unprivileged(async () => {
      const { found, errors } = await listAll(fileUri(base));
      expect(found).toEqual([at('b'), at('secret')]);
      expect(errors.map(({ message }) => message)).toEqual([
        `Darkroom has no permission to read the folder ${at('closed')}.`,
      ]);
      await expect(storage.stat(at('secret'))).rejects.toMatchObject({ type: 'SourceForbidden' });
      await expect(storage.stat(at('closed', 'a'))).rejects.toMatchObject({ type: 'SourceForbidden' });
    });
  } finally {
    await fs.chmod(path.join(base, 'closed'), 0o755);
  }
});

test('a source of another owner, which must not be linked, is copied', async () => {
  await fs.writeFile(path.join(base, 'theirs'), 'x', { mode: 0o444 });
  const work = path.join(base, 'work');
  await fs.mkdir(work);
  await fs.chmod(work, 0o777);
  await unprivileged(async () => {
    const got = await storage.fetch(at('theirs'), path.join(work, 'in'), { maxBytes: 10 });
    expect(await fs.readFile(got.path, 'utf8')).toBe('x');
  });
});

const asRoot = testWhere(process.geteuid?.() === 0, 'only root has a folder that is closed to the user of the test');
asRoot('a folder that must not be written to is OutputForbidden', async () => {
  await unprivileged(async () => {
    await expect(storage.writeText(at('new', 'x'), 'x', 'text/plain')).rejects.toMatchObject({
      type: 'OutputForbidden',
    });
  });
});

(canMountSmallDisk() ? describe : describe.skip)('a full disk', () => {
  let full: string;
  let unmount: () => void;
  beforeEach(() => {
    full = path.join(base, 'full');
    unmount = mountSmallDisk(full, '256k');
  });
  afterEach(() => unmount());

  test('is StorageUnavailable, leaves nothing, and keeps what was there', async () => {
    await fs.writeFile(path.join(base, 'big'), Buffer.alloc(1_000_000, 1));
    await storage.writeText(at('full', 'kept'), 'old', 'text/plain');
    const options = { contentType: 'image/webp' };
    const failure = `StorageUnavailable: There is no space left to write ${at('full')}`;
    expect(await failureOf(storage.publishFile(path.join(base, 'big'), at('full', 'new'), options))).toContain(failure);
    const writing = storage.writeText(at('full', 'kept'), 'x'.repeat(500_000), 'text/plain');
    expect(await failureOf(writing)).toContain(failure);
    const scratch = storage.fetch(at('big'), path.join(full, 'in'), { maxBytes: 1e9 });
    expect(await failureOf(scratch)).toBe('StorageUnavailable: The scratch disk of the worker is full.');
    expect(await fs.readdir(full)).toEqual(['kept']);
    expect(await fs.readFile(path.join(full, 'kept'), 'utf8')).toBe('old');
  });

  test('publishing to another disk copies', async () => {
    await fs.writeFile(path.join(base, 'small'), 'pixels');
    await storage.publishFile(path.join(base, 'small'), at('full', 'item', 'small'), { contentType: 'image/webp' });
    expect(await fs.readFile(path.join(full, 'item', 'small'), 'utf8')).toBe('pixels');
  });
});
