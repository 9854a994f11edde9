import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { loadConfig } from '../../common/config';
import { createStorage, fileUri, joinUri, type Published, type Storage } from '..';

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const type = (name: string): Error => expect.objectContaining({ type: name }) as Error;
const MAX = { maxBytes: 10_000_000 };

let base: string;
let root: string;
let work: string;
let storage: Storage;
const at = (...names: string[]): string => fileUri(path.join(root, ...names));

beforeEach(async () => {
  base = await fs.mkdtemp(path.join(tmpdir(), 'darkroom-storage-'));
  [root, work] = [path.join(base, 'root'), path.join(base, 'work')];
  await fs.mkdir(root);
  await fs.mkdir(work);
  storage = createStorage(loadConfig({ DARKROOM_ALLOWED_ROOTS: root }));
});
afterEach(async () => {
  storage.close();
  await fs.rm(base, { recursive: true, force: true });
});

describe('a local source', () => {
  test.each(['a b.jpg', '"q\'.jpg', '100%d.jpg', '-y.jpg', 'ünï 日本.jpg', 'x#?.jpg', `${'n'.repeat(251)}.jpg`])(
    'called %j is fetched with its hash, without a copy',
    async (name) => {
      await fs.writeFile(path.join(root, name), 'pixels');
      const got = await storage.fetch(at(name), path.join(work, 'in'), MAX);
      expect(got).toMatchObject({ bytes: 6, sha256: sha256('pixels'), contentType: 'image/jpeg', uri: at(name) });
      expect(got.fingerprint).toBe((await storage.stat(at(name))).fingerprint);
      expect((await fs.stat(got.path)).ino).toBe((await fs.stat(path.join(root, name))).ino);
    },
  );

  test('stays whole when the file is replaced while it is processed', async () => {
    await fs.writeFile(path.join(root, 'a'), 'old');
    const got = await storage.fetch(at('a'), path.join(work, 'in'), MAX);
    await fs.writeFile(path.join(base, 'new'), 'new');
    await fs.rename(path.join(base, 'new'), path.join(root, 'a'));
    expect(await fs.readFile(got.path, 'utf8')).toBe('old');
    expect(await got.isUnchanged()).toBe(true);
  });

  test('that is written to after it was hashed is noticed', async () => {
    await fs.writeFile(path.join(root, 'a'), 'old');
    await fs.utimes(path.join(root, 'a'), 1, 1);
    const got = await storage.fetch(at('a'), path.join(work, 'in'), MAX);
    expect(await got.isUnchanged()).toBe(true);
    await fs.writeFile(path.join(root, 'a'), 'new');
    expect(await got.isUnchanged()).toBe(false);
  });

  test('that changes while it is read is to be tried again', async () => {
    const file = path.join(root, 'a');
    await fs.writeFile(file, Buffer.alloc(3_000_000, 1));
    let appended: Promise<void> | undefined;
    const onProgress = (): void => void (appended ??= fs.appendFile(file, 'x'));
    const fetching = storage.fetch(at('a'), path.join(work, 'in'), { ...MAX, onProgress });
    await expect(fetching).rejects.toThrow(type('SourceUnavailable'));
    await appended;
    expect(await fs.readdir(work)).toEqual([]);
  });

  test('larger than allowed is refused', async () => {
    await fs.writeFile(path.join(root, 'a'), 'abcdef');
    const fetching = storage.fetch(at('a'), path.join(work, 'in'), { maxBytes: 5 });
    await expect(fetching).rejects.toThrow(type('MediaTooLarge'));
  });

  test('is let go on abort, with the reason', async () => {
    await fs.writeFile(path.join(root, 'a'), Buffer.alloc(3_000_000));
    const abort = new AbortController();
    const onProgress = (): void => abort.abort(new Error('enough'));
    const fetching = storage.fetch(at('a'), path.join(work, 'in'), { ...MAX, signal: abort.signal, onProgress });
    await expect(fetching).rejects.toThrow('enough');
    expect(await fs.readdir(work)).toEqual([]);
  });

  test.each([
    ['missing', 'SourceNotFound', async () => undefined],
    ['file/below', 'SourceNotFound', () => fs.writeFile(path.join(root, 'file'), '')],
    ['folder', 'InvalidJob', () => fs.mkdir(path.join(root, 'folder'))],
    ['fifo', 'InvalidJob', async () => execFileSync('mkfifo', [path.join(root, 'fifo')])],
    ['link-out', 'SourceForbidden', () => fs.symlink('/etc/hostname', path.join(root, 'link-out'))],
    ['dir-out/hostname', 'SourceForbidden', () => fs.symlink('/etc', path.join(root, 'dir-out'))],
    ['loop', 'SourceForbidden', () => fs.symlink('loop', path.join(root, 'loop'))],
    ['n'.repeat(256), 'InvalidJob', async () => undefined],
  ])('%s is refused as %s', async (name, expected, prepare) => {
    await prepare();
    await expect(storage.stat(at(name))).rejects.toThrow(type(expected));
    await expect(storage.fetch(at(name), path.join(work, 'in'), MAX)).rejects.toThrow(type(expected));
  });

  test('outside of the roots is refused before anything is touched', async () => {
    for (const uri of ['file:///etc/passwd', fileUri(`${root}-beside/x`), fileUri(base)]) {
      expect(() => storage.checkSource(uri)).toThrow(type('SourceForbidden'));
      expect(() => storage.checkOutput(uri)).toThrow(type('OutputForbidden'));
    }
    expect(() => storage.checkSource(`${at('a')}/../../x`)).toThrow(type('InvalidJob'));
  });

  test('a link that stays inside is followed', async () => {
    await fs.writeFile(path.join(root, 'a'), 'x');
    await fs.symlink('a', path.join(root, 'b'));
    expect((await storage.fetch(at('b'), path.join(work, 'in'), MAX)).sha256).toBe(sha256('x'));
  });
});

test('further roots are taken from the file as soon as it names them', async () => {
  const rootsFile = path.join(base, 'roots');
  const more = createStorage(loadConfig({ DARKROOM_ALLOWED_ROOTS: root, DARKROOM_ALLOWED_ROOTS_FILE: rootsFile }));
  expect(() => more.checkSource(fileUri(path.join(work, 'x')))).toThrow(type('SourceForbidden'));
  await fs.writeFile(rootsFile, `${work}\n`);
  more.checkSource(fileUri(path.join(work, 'x')));
  more.close();
});

describe('publishing', () => {
  const publish = (local: string, uri: string, more = {}): Promise<Published> =>
    storage.publishFile(local, uri, { contentType: 'image/webp', ...more });

  test('puts the file under its name, makes folders, and leaves nothing else', async () => {
    const local = path.join(work, 'out');
    const name = 'n'.repeat(255);
    await fs.writeFile(local, 'one');
    expect(await publish(local, at('item', name), { bytes: 3 })).toBe('published');
    expect(await fs.readFile(path.join(root, 'item', name), 'utf8')).toBe('one');
    expect(await fs.readdir(path.join(root, 'item'))).toEqual([name]);
  });

  /** Another disk, another owner, a file with two names: what cannot be linked is copied. */
  const twoNames = async (local: string): Promise<void> => fs.link(local, `${local}-again`);
  test.each([
    ['linked', async () => undefined],
    ['copied', twoNames],
  ])('never replaces what has the name, be the file %s', async (_, prepare) => {
    const [one, two, longer] = ['one', 'two', 'longer'].map((name) => path.join(work, name)) as [
      string,
      string,
      string,
    ];
    for (const file of [one, two, longer]) {
      await fs.writeFile(file, path.basename(file));
      await prepare(file);
    }
    expect(await publish(one, at('item', 'a'))).toBe('published');
    const { ino } = await fs.stat(path.join(root, 'item', 'a'));
    expect(await publish(one, at('item', 'a'))).toBe('present'); // a second attempt after a lost answer
    expect(await publish(two, at('item', 'a'))).toBe('present');
    await expect(publish(longer, at('item', 'a'))).rejects.toThrow(type('InvalidJob'));
    expect(await fs.readFile(path.join(root, 'item', 'a'), 'utf8')).toBe('one');
    expect((await fs.stat(path.join(root, 'item', 'a'))).ino).toBe(ino);
    expect(await fs.readdir(path.join(root, 'item'))).toEqual(['a']);
  });

  test('of ten writers of one name at once exactly one publishes', async () => {
    const writers = Array.from({ length: 10 }, async (_, writer) => {
      const local = path.join(work, `${writer}`);
      await fs.writeFile(local, `${writer}`);
      if (writer % 2 === 0) await twoNames(local);
      return publish(local, at('item', 'raced'));
    });
    expect((await Promise.all(writers)).filter((outcome) => outcome === 'published')).toHaveLength(1);
    expect(await fs.readdir(path.join(root, 'item'))).toEqual(['raced']);
  });

  test('copies what also is a source, so that editing one never changes the other', async () => {
    await fs.writeFile(path.join(root, 'source'), 'original');
    const got = await storage.fetch(at('source'), path.join(work, 'in'), MAX);
    await publish(got.path, at('out', 'copy'));
    await fs.appendFile(path.join(root, 'source'), ' edited');
    expect(await fs.readFile(path.join(root, 'out', 'copy'), 'utf8')).toBe('original');
  });

  test('tells the bytes of a copy while it is made', async () => {
    const data = Buffer.alloc(3_500_000, 7);
    await fs.writeFile(path.join(work, 'out'), data);
    await fs.link(path.join(work, 'out'), path.join(work, 'second name'));
    const told: number[] = [];
    await publish(path.join(work, 'out'), at('out'), { onProgress: (bytes: number) => told.push(bytes) });
    expect(told).toEqual([1, 2, 3].map((MiB) => MiB * 2 ** 20).concat(data.length));
    expect(sha256(await fs.readFile(path.join(root, 'out')))).toBe(sha256(data));
  });

  test('makes a root that does not exist yet', async () => {
    const fresh = path.join(base, 'fresh', 'root');
    const other = createStorage(loadConfig({ DARKROOM_ALLOWED_ROOTS: fresh }));
    await other.writeText(fileUri(path.join(fresh, 'a', 'b.json')), '{}', 'application/json');
    expect(await fs.readFile(path.join(fresh, 'a', 'b.json'), 'utf8')).toBe('{}');
    other.close();
  });

  test('refuses a file of another size than the one made', async () => {
    await fs.writeFile(path.join(work, 'out'), 'four');
    await expect(publish(path.join(work, 'out'), at('x'), { bytes: 5 })).rejects.toThrow(type('StorageUnavailable'));
  });

  test('does not follow links out of the roots', async () => {
    await fs.symlink(work, path.join(root, 'out'));
    await fs.writeFile(path.join(work, 'f'), '');
    await expect(publish(path.join(work, 'f'), at('out', 'g'))).rejects.toThrow(type('OutputForbidden'));
    await expect(publish(path.join(work, 'f'), at('out', 'new', 'g'))).rejects.toThrow(type('OutputForbidden'));
    expect(await fs.readdir(work)).toEqual(['f']);
  });

  test('says so where a file or a folder is in the way', async () => {
    await fs.mkdir(path.join(root, 'folder'));
    await fs.writeFile(path.join(root, 'file'), '');
    await fs.writeFile(path.join(work, 'f'), '');
    await expect(publish(path.join(work, 'f'), at('folder'))).rejects.toThrow(type('InvalidJob'));
    await expect(publish(path.join(work, 'f'), at('file', 'x'))).rejects.toThrow(type('InvalidJob'));
    expect((await fs.readdir(root)).sort()).toEqual(['file', 'folder']);
  });
});

describe('an upload', () => {
  const put = (stream: Readable, maxBytes = 100): Promise<unknown> =>
    storage.putStream(at('up', 'load.jpg'), stream, { maxBytes, contentType: 'image/jpeg' });

  test('appears whole', async () => {
    expect(await put(Readable.from([Buffer.from('ab'), Buffer.from('c')]))).toMatchObject({ bytes: 3 });
    expect(await fs.readFile(path.join(root, 'up', 'load.jpg'), 'utf8')).toBe('abc');
  });

  test('too large, or cut short, leaves nothing', async () => {
    await expect(put(Readable.from([Buffer.alloc(60), Buffer.alloc(60)]))).rejects.toThrow(type('MediaTooLarge'));
    const cut = new Readable({ read() {} });
    cut.push('begin');
    setImmediate(() => cut.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' })));
    await expect(put(cut)).rejects.toThrow(type('StorageUnavailable'));
    expect(await fs.readdir(path.join(root, 'up'))).toEqual([]);
  });
});

test('an upload that must not replace anything leaves what is there', async () => {
  const put = (text: string) =>
    storage.putStream(at('up', 'a.bin'), Readable.from([Buffer.from(text)]), {
      maxBytes: 100,
      contentType: 'image/jpeg',
      createOnly: true,
    });
  expect(await put('first')).toMatchObject({ bytes: 5 });
  expect(await put('second')).toMatchObject({ bytes: 5 });
  expect(await fs.readFile(path.join(root, 'up', 'a.bin'), 'utf8')).toBe('first');
  expect(await fs.readdir(path.join(root, 'up'))).toEqual(['a.bin']);
});

test('openRead serves whole files and ranges', async () => {
  await fs.writeFile(path.join(root, 'a.mp4'), '0123456789');
  const whole = await storage.openRead(at('a.mp4'));
  expect(whole.info).toMatchObject({ bytes: 10, contentType: 'video/mp4' });
  expect(await text(whole.stream)).toBe('0123456789');
  const part = await storage.openRead(at('a.mp4'), { range: { start: 7, end: 99 } });
  expect(part.range).toEqual({ start: 7, end: 9 });
  expect(await text(part.stream)).toBe('789');
  const behind = storage.openRead(at('a.mp4'), { range: { start: 10 } });
  await expect(behind).rejects.toMatchObject({ type: 'InvalidJob', details: { bytes: 10 } });
});

test('remove takes a file, and does not mind if it is gone', async () => {
  await storage.writeText(at('item', 'a'), 'x', 'text/plain');
  await storage.remove(at('item', 'a'));
  await storage.remove(at('item', 'a'));
  await storage.writeText(at('b'), 'x', 'text/plain');
  await storage.remove(joinUri(fileUri(root), 'b'));
  expect(await fs.readdir(root)).toEqual([]);
});

test('remove takes every folder that is left empty, but not a root and none that still holds something', async () => {
  await storage.writeText(at('batch', 'item', 'hls', 'video', 'a'), 'x', 'text/plain');
  await storage.writeText(at('batch', 'other', 'a'), 'x', 'text/plain');
  await storage.remove(at('batch', 'item', 'hls', 'video', 'a'));
  expect(await fs.readdir(path.join(root, 'batch'))).toEqual(['other']);
  await storage.remove(at('batch', 'other', 'a'));
  expect(await fs.readdir(base)).toContain('root');
  expect(await fs.readdir(root)).toEqual([]);
});
