import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { loadConfig } from '../../common/config';
import { createStorage, fileUri, type Storage } from '../../storage';
import { ItemProblem, type Entry } from '../core/stream';
import { openInput, parseCount, parseInput } from './index';
import { MAX_LINE, readLines } from './lines';
import { readJobList } from './list';

let folder: string;
let storage: Storage;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-inputs-'));
  storage = createStorage(loadConfig({ DARKROOM_ALLOWED_ROOTS: folder }));
});
afterAll(async () => {
  storage.close();
  await rm(folder, { recursive: true, force: true });
});

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
const open = async (text: string, except?: string): Promise<Entry[]> =>
  collect(openInput(parseInput(text, folder), { storage, samples: '/samples', cwd: folder, except }));
const touch = async (...names: string[]) => {
  for (const name of names) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), name);
  }
};

test('a folder: every file below it, whatever its name; no dot files, no outputs', async () => {
  const names = [
    'a.jpg',
    'b/c d#?%.png',
    "b/e/'q'\".mp4",
    'b/-rf',
    'b/%d.jpg',
    'b/ünï.webp',
    `b/${'x'.repeat(250)}.jpg`,
  ];
  await touch(...names.map((name) => `photos/${name}`), 'photos/.hidden', 'photos/.git/x', 'photos/out/old.webp');
  const entries = await open('photos', fileUri(path.join(folder, 'photos/out')));
  const expected = names.map((name) => fileUri(path.join(folder, 'photos', name)));
  expect(entries.map((entry) => entry.source).sort()).toEqual(expected.sort());
});

test('what is no file is one problem, the others go on', async () => {
  await touch('links/good.jpg');
  await symlink('/etc', path.join(folder, 'links/out'));
  const entries = await open('links');
  expect(entries.filter((entry) => entry instanceof ItemProblem)).toHaveLength(1);
  expect(entries.filter((entry) => !(entry instanceof ItemProblem))).toHaveLength(1);
});

test('a list: jobs by line, plain paths from its own folder, bad lines told by number', async () => {
  const lines = [
    '\ufeff{"source":"s3://b/k","priority":1}',
    '',
    '{"source":"sub/a b.jpg"}',
    '{"source":',
    '{"sauce":"x"}',
    '[]',
  ];
  await writeFile(path.join(folder, 'list.jsonl'), lines.join('\r\n'));
  const entries = await open('list.jsonl');
  expect(entries.slice(0, 2)).toEqual([
    { source: 's3://b/k', priority: 1 },
    { source: fileUri(path.join(folder, 'sub/a b.jpg')) },
  ]);
  const problems = entries.slice(2) as ItemProblem[];
  expect(problems.map(({ source }) => source)).toEqual(['list.jsonl:4', 'list.jsonl:5', 'list.jsonl:6']);
  expect(problems[0]?.message).toBe('The line is not JSON.');
  expect(problems[1]?.message).toMatch(/sauce/);
  expect(problems.every(({ type }) => type === 'InvalidJob')).toBe(true);
});

test('a line without end is refused and the next one is read', async () => {
  const stream = Readable.from([
    Buffer.alloc(MAX_LINE, 'x'),
    Buffer.from('yy\n{"source":'),
    Buffer.from('"s3://b/k"}'),
  ]);
  const entries = await collect(readJobList(stream, 'stdin', '/'));
  expect(entries).toMatchObject([{ source: 'stdin:1', type: 'InvalidJob' }, { source: 's3://b/k' }]);
});

test('lines that are cut anywhere come out whole', async () => {
  const text = 'ä\nbb\r\n\nccc';
  const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
  const lines = await collect(readLines(Readable.from(bytes)));
  expect(lines.map((line) => line.text)).toEqual(['ä', 'bb', '', 'ccc']);
});

test.each([
  ['nowhere', /no such file or folder/],
  ['ftp://x/y', /expected a folder/],
  ['file:///%zz', /percent-encoding/],
])('--input %s is a mistake in what was typed', (text, message) => {
  expect(() => parseInput(text, folder)).toThrow(message);
});

test.each(['0', '-5', '2e3', '1.5', 'many', '', '99999999'])('"%s" is no number of samples', (text) => {
  expect(() => parseCount(text)).toThrow(/expected a number of samples/);
});

test('one file, an address, a bucket', async () => {
  await touch('one.jpg');
  expect(await open('one.jpg')).toEqual([{ source: fileUri(path.join(folder, 'one.jpg')) }]);
  expect(await open('https://example.com/a.jpg')).toEqual([{ source: 'https://example.com/a.jpg' }]);
  expect(parseInput('s3://bucket/prefix', folder)).toMatchObject({ type: 'folder', uri: 's3://bucket/prefix' });
});
