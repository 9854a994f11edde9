import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { loadConfig } from '../../common/config';
import type { DarkroomError } from '../../common/errors';
import { createStorage, fileUri, type Storage } from '../../storage';
import type { Entry } from '../core/intake';
import { checkInput, openInput, parseCount, parseInput, UsageError, type OpenOptions } from './index';
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
const open = async (text: string, more: Partial<OpenOptions> = {}): Promise<Entry[]> =>
  collect(openInput(parseInput(text, folder), { storage, samples: '/samples', cwd: folder, ...more }));
const isProblem = ({ job }: Entry): boolean => job instanceof Error;
/** What a list is refused for before anything is submitted; undefined: it is read. */
const refusal = async (name: string, bytes: string | Buffer): Promise<string | undefined> => {
  await writeFile(path.join(folder, name), bytes);
  try {
    await checkInput(parseInput(name, folder));
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
};
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
  await writeFile(path.join(folder, 'photos/b/-rf'), Buffer.from([0xff, 0xd8, 0xff]));
  const entries = await open('photos', { except: fileUri(path.join(folder, 'photos/out')) });
  const expected = names.map((name) => fileUri(path.join(folder, 'photos', name)));
  expect(entries.map(({ job }) => (job as { source: string }).source).sort()).toEqual(expected.sort());
});

test('what is no file is one problem, the others go on', async () => {
  await touch('links/good.jpg');
  await symlink('/etc', path.join(folder, 'links/out'));
  const entries = await open('links');
  expect(entries.map(isProblem).sort()).toEqual([false, true]);
});

test('files that are no media are left out and counted, unless they are asked for', async () => {
  const media = ['a.jpg', 'b.HEIC', 'clip.mov', 'no-extension', 'corrupt.png', 'unknown.xyz'];
  const others = [
    'a.xmp',
    'a.jpg.json',
    'notes.txt',
    'Thumbs.db',
    'desktop.ini',
    'sub/LIST.CSV',
    'IMG_1.AAE',
    'README',
  ];
  await touch(...[...media, ...others].map((name) => `mixed/${name}`), 'mixed/.DS_Store');
  await writeFile(path.join(folder, 'mixed/no-extension'), Buffer.from([0xff, 0xd8, 0xff, 0xe0]));
  const ignored: string[] = [];
  const names = (uris: string[]): string[] => uris.map((uri) => uri.slice(uri.indexOf('/mixed/') + 7)).sort();
  const entries = await open('mixed', { onIgnored: (uri) => ignored.push(uri) });
  expect(names(entries.map(({ name }) => name))).toEqual([...media].sort());
  expect(names(ignored)).toEqual([...others].sort());
  const all = await open('mixed', { allFiles: true, onIgnored: () => expect(1).toBe(0) });
  expect(all).toHaveLength(media.length + others.length);
});

const jobs = [{ source: 's3://b/1', metadata: { text: 'a "b" \\ ] } , [ {' } }, { source: 's3://b/2' }];
const lines = jobs.map((job) => JSON.stringify(job));
const pretty = JSON.stringify(jobs, null, 2);
const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('a list of jobs is read in every usual encoding and shape', () => {
  test.each<[string, string | Buffer, number[]]>([
    ['lf.jsonl', lines.join('\n'), [1, 2]],
    ['crlf.jsonl', `\r\n${lines.join('\r\n')}\r\n\r\n`, [2, 3]],
    ['cr.jsonl', lines.join('\r'), [1, 2]],
    ['bom.jsonl', `\ufeff${lines.join('\r\n')}`, [1, 2]],
    ['utf16le.jsonl', Buffer.from(`\ufeff${lines.join('\r\n')}`, 'utf16le'), [1, 2]],
    ['utf16be.jsonl', utf16be(`\ufeff${lines.join('\n')}`), [1, 2]],
    ['utf16le-no-mark.jsonl', Buffer.from(lines.join('\n'), 'utf16le'), [1, 2]],
    ['utf16be-no-mark.jsonl', utf16be(lines.join('\n')), [1, 2]],
    ['array.json', JSON.stringify(jobs), [1, 1]],
    ['array-pretty.json', pretty, [2, 8]],
    ['array-bom-crlf.json', `\ufeff${pretty.replaceAll('\n', '\r\n')}`, [2, 8]],
    ['array-utf16.txt', Buffer.from(`\ufeff${pretty}`, 'utf16le'), [2, 8]],
    ['array-long-line.json', `[${' '.repeat(3 * MAX_LINE)}${lines.join(',')}]`, [1, 1]],
    ['objects-pretty.json', jobs.map((job) => JSON.stringify(job, null, 2)).join('\n'), [1, 7]],
    ['empty.jsonl', '', []],
    ['blank.jsonl', '\ufeff\r\n \n', []],
    ['empty-array.json', '[]', []],
  ])('%s', async (name, bytes, places) => {
    expect(await refusal(name, bytes)).toBeUndefined();
    const entries = await open(name);
    expect(entries.map(({ job }) => job)).toEqual(jobs.slice(0, places.length));
    expect(entries.map(({ place }) => place)).toEqual(places);
  });

  test('byte by byte', async () => {
    for (const text of [`\ufeff${lines.join('\r\n')}`, pretty]) {
      for (const encoding of ['utf8', 'utf16le'] as const) {
        const bytes = Buffer.from(text.replace(/^\ufeff?/, '\ufeff'), encoding);
        const entries = await collect(readJobList(Readable.from([...bytes].map((byte) => Buffer.of(byte))), 'x', '/'));
        expect(entries.map(({ job }) => job)).toEqual(jobs);
      }
    }
  });

  test('a line comes as soon as it is whole', async () => {
    const feed = new PassThrough();
    const entries = readJobList(feed, 'stdin', '/');
    feed.write(`${lines[0]}\n`);
    expect((await entries.next()).value).toMatchObject({ place: 1, job: jobs[0] });
    feed.end();
    expect((await entries.next()).done).toBe(true);
  });

  test('a field of a wrong type has its line, also in an array', async () => {
    await writeFile(path.join(folder, 'types.json'), '[\n{"source":"s3://b/1"},\n{"source":5},\n"s3://b/2"\n]');
    const entries = await open('types.json');
    expect(entries.map(({ name }) => name)).toEqual(['s3://b/1', 'types.json:3', 'types.json:4']);
    expect((entries[1]?.job as Error).message).toMatch(/source: .*string/);
  });
});

describe('anything else is refused once, before anything is submitted, and named', () => {
  test.each<[string, string | Buffer, RegExp]>([
    ['no-header.csv', 'a.jpg,web\nb.jpg,web\n', /no-header\.csv looks like a table \(CSV\); its first row has to name/],
    ['table.jsonl', 'a.jpg;web\nb.jpg;web', /looks like a table/],
    ['names.txt', 'a.jpg\nb.jpg\n', /is a plain text, not a list/],
    ['photo.jsonl', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]), /is JPEG, not a list/],
    ['sheet.jsonl', Buffer.from('PK\x03\x04\0\0\0'), /is ZIP archive, not a list/],
    ['packed.jsonl', Buffer.from([0x1f, 0x8b, 8, 0, 0]), /is gzip archive/],
    ['utf32.jsonl', Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0]), /is UTF-32/],
    ['binary.jsonl', Buffer.from([1, 2, 0, 3, 4, 0]), /is not a text/],
    ['latin1.jsonl', Buffer.from('{"source":"s3://b/1"}\n{"source":"s3://b/\xfc"}', 'latin1'), /not UTF-8 \(at line/],
    ['cut.json', pretty.slice(0, -20), /not valid JSON/],
    ['comma.json', `[${lines.join(',')},]`, /not valid: look at its end/],
    ['tail.json', `${pretty} and more`, /not valid/],
    ['half.json', '{"source":', /not valid JSON in what begins at line 1/],
    ['body.json', JSON.stringify({ id: 'x', jobs }, null, 2), /body of POST \/v1\/batches/],
    ['page.jsonl', '<?xml version="1.0"?><jobs/>', /XML/],
  ])('%s', async (name, bytes, message) => {
    expect(await refusal(name, bytes)).toMatch(message);
  });

  test('a list that cannot be opened', async () => {
    const input = { type: 'list', path: path.join(folder, 'gone.jsonl'), name: 'gone', folder } as const;
    await expect(checkInput(input)).rejects.toThrow(/cannot be read/);
  });
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
  expect(entries.slice(0, 2).map(({ job }) => job)).toEqual([
    { source: 's3://b/k', priority: 1 },
    { source: fileUri(path.join(folder, 'sub/a b.jpg')) },
  ]);
  expect(entries.map(({ place }) => place)).toEqual([1, 3, 4, 5, 6]);
  expect(entries.slice(2).map(({ name }) => name)).toEqual(['list.jsonl:4', 'list.jsonl:5', 'list.jsonl:6']);
  const problems = entries.slice(2).map(({ job }) => job as DarkroomError);
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
  expect(entries).toMatchObject([{ name: 'stdin:1', job: { type: 'InvalidJob' } }, { job: { source: 's3://b/k' } }]);
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
  await writeFile(path.join(folder, 'one.jpg'), Buffer.from([0xff, 0xd8, 0xff]));
  expect(await open('one.jpg')).toMatchObject([{ job: { source: fileUri(path.join(folder, 'one.jpg')) } }]);
  expect(await open('https://example.com/a.jpg')).toMatchObject([{ job: { source: 'https://example.com/a.jpg' } }]);
  expect(parseInput('s3://bucket/prefix', folder)).toMatchObject({ type: 'folder', uri: 's3://bucket/prefix' });
});
