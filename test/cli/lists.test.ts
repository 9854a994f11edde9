/** What people give start-batch by hand: lists of every shape, folders, the same command again. The sums always hold. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileUri } from '../../storage';
import { batchQuery } from '../../temporal/batches/query';
import { broken, photo } from '../api/support';
import { expectToAddUp, runCommand, startCommand } from '../support/cli';
import { startStack, until, type Stack } from '../support/stack';

let stack: Stack;
let worker: Awaited<ReturnType<Stack['worker']>>;
let sources: string[];
beforeAll(async () => {
  stack = await startStack();
  worker = await stack.worker({ DARKROOM_POOLS: 'workflows,image' });
  sources = await Promise.all(['l1', 'l2', 'l3'].map((name) => photo(stack, name)));
});
afterAll(() => stack.stop());

const startBatch = (...args: string[]) => runCommand(stack, 'start-batch', [...args, '--json']);
async function list(name: string, bytes: string | Buffer): Promise<string> {
  const file = path.join(stack.home, 'in', name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, bytes);
  return file;
}
const runs = async (batchId: string) => (await stack.client.workflow.count(batchQuery(batchId))).count;

describe('a list', () => {
  test.each<[string, (lines: string[], jobs: object[]) => string | Buffer]>([
    ['bom-crlf.jsonl', (lines) => `\ufeff${lines.join('\r\n')}\r\n\r\n`],
    ['utf16.jsonl', (lines) => Buffer.from(`\ufeff${lines.join('\r\n')}\r\n`, 'utf16le')],
    ['array.json', (_, jobs) => JSON.stringify(jobs, null, 2)],
    ['unicode.tsv', () => Buffer.from(`\ufeffsource\tid\r\n${sources.join('\t\r\n')}\t\r\n`, 'utf16le')],
  ])('%s is read', async (name, bytes) => {
    const jobs = sources.map((source) => ({ source }));
    const lines = jobs.map((job) => JSON.stringify(job));
    const { code, summary } = await startBatch('--input', await list(name, bytes(lines, jobs)));
    expect(summary).toMatchObject({ submitted: 3, completed: 3, failed: 0, rejected: 0, duplicates: 0 });
    expect(code).toBe(0);
  });

  test.each([
    ['table.csv', 'file,preset\na.jpg,web\n', 'table.csv looks like a table (CSV)'],
    ['columns.csv', 'source,colour\na.jpg,red\n', 'columns.csv has a column "colour" that no job has'],
    ['latin1.jsonl', Buffer.from('{"source":"caf\xe9.jpg"}', 'latin1'), 'latin1.jsonl is not UTF-8'],
    ['photo.jsonl', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a]), 'photo.jsonl is JPEG, not a list of jobs'],
  ])('%s is one sentence and exit code 2, and nothing is submitted', async (name, bytes, sentence) => {
    const file = await list(name, bytes);
    const { code, stderr, stdout } = await startBatch('--input', file, '--batch-id', `no-${path.parse(name).name}`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trim().split('\n').at(-1)).toContain(sentence);
    expect(await runs(`no-${path.parse(name).name}`)).toBe(0);
  });

  test('the same source twice is counted once; an id for two sources is refused with both lines', async () => {
    const plain = sources.map((source) => JSON.stringify({ source }));
    const same = sources.map((source) => JSON.stringify({ source, id: 'same' }));
    const file = await list('twice.jsonl', [...plain, ...plain, ...same].join('\n'));
    const { code, summary } = await startBatch('--input', file);
    expect(summary).toMatchObject({ submitted: 6, completed: 4, failed: 0, rejected: 2, duplicates: 3 });
    expectToAddUp(summary);
    expect(summary.failures.map(({ line, type }: { line: number; type: string }) => [line, type])).toEqual([
      [8, 'Conflict'],
      [9, 'Conflict'],
    ]);
    expect(summary.failures[0].message).toContain('"same" is used twice for two sources, in lines 7 and 8');
    expect(code).toBe(1);
    // Again: the first of the two stays what it was.
    const again = await startBatch('--input', file);
    expect(again.summary).toMatchObject({ submitted: 6, completed: 0, skipped: 4, rejected: 2, duplicates: 3 });
  });

  test('a table: wrong rows have their line, the others are done, and the sum holds', async () => {
    const [a = '', b = ''] = sources;
    const rows = ['source;id;priority', `"${a}";x;2`, `${b};y`, `${b};z;urgent`, `${a};x;2`, `${b};"v`, `${b};w;`];
    const { code, summary } = await startBatch('--input', await list('rows.csv', `\ufeff${rows.join('\r\n')}\r\n`));
    expect(summary).toMatchObject({ submitted: 5, completed: 2, failed: 0, rejected: 3, duplicates: 1 });
    expectToAddUp(summary);
    expect(summary.failures.map(({ source }: { source: string }) => source)).toEqual(
      [3, 4, 6].map((line) => `rows.csv:${line}`),
    );
    expect(code).toBe(1);
  });

  test('a field of a wrong type has its line; an empty list is no success', async () => {
    const file = await list(
      'types.jsonl',
      `${JSON.stringify({ source: sources[0] })}\n{"source":"a.jpg","priority":"1"}`,
    );
    const { code, summary } = await startBatch('--input', file);
    expect(summary).toMatchObject({ submitted: 2, completed: 1, rejected: 1 });
    expect(summary.failures[0]).toMatchObject({ source: 'types.jsonl:2', message: expect.stringMatching(/priority/) });
    expect(code).toBe(1);
    const empty = await startBatch('--input', await list('empty.jsonl', '\n\n'));
    expect([empty.code, /There is no job in .*empty\.jsonl/.test(empty.stderr)]).toEqual([1, true]);
  });
});

describe('a folder', () => {
  test('given without --input; sidecars are ignored and said, unless all files are asked for', async () => {
    await photo(stack, 'album/a');
    for (const name of ['a.xmp', 'a.json', 'Thumbs.db', 'desktop.ini']) await list(`album/${name}`, 'text');
    const folder = path.join(stack.home, 'in/album');
    const first = await startBatch(folder);
    expect(first.summary).toMatchObject({ submitted: 1, completed: 1, failed: 0, ignored: 4 });
    expect(first.code).toBe(0);
    const all = await startBatch(folder, '--all-files', '--batch-id', 'all');
    expect(all.summary).toMatchObject({ submitted: 5, completed: 1, failed: 4, ignored: 0 });
    expectToAddUp(all.summary);
  });

  test('without a file, or with nothing that is media, says so and is no success', async () => {
    await mkdir(path.join(stack.home, 'in/bare'), { recursive: true });
    const bare = await startBatch('--input', path.join(stack.home, 'in/bare'));
    expect([bare.code, /There is no file in .*bare/.test(bare.stderr)]).toEqual([1, true]);
    await list('sidecars/a.xmp', 'text');
    const sidecars = await startBatch('--input', path.join(stack.home, 'in/sidecars'));
    expect(sidecars.code).toBe(1);
    expect(sidecars.stderr).toMatch(/no media file in .*; --all-files submits the 1 other/);
  });
});

test('corpus: every file of a folder has its outcome and its sentence, and nothing is left', async () => {
  await photo(stack, 'try/good');
  await broken(stack, 'try/bad');
  await list('try/notes.txt', 'text');
  const { code, summary, stderr } = await runCommand(stack, 'corpus', [path.join(stack.home, 'in/try'), '--json']);
  expect({ code, stderr, ...summary }).toMatchObject({ code: 0, completed: 1, failed: 1, ignored: 1, open: 0 });
  expect(summary.files).toMatchObject([
    { file: 'bad.jpg', outcome: 'failed', type: 'CorruptMedia', sentence: expect.stringMatching(/JPEG is/) },
    { file: 'good.jpg', outcome: 'completed', sentence: expect.stringMatching(/^jpeg image, \d+x\d+: \d files/) },
    { file: 'notes.txt', outcome: 'ignored' },
  ]);
  const outputs = await readdir(path.join(stack.home, 'outputs'));
  expect(outputs).not.toContain(summary.batchId);
  const table = await runCommand(stack, 'corpus', [path.join(stack.home, 'in/try')]);
  expect(table.stdout.trim().split('\n').at(-1)).toBe('3 files: 1 completed, 1 failed, 1 ignored');
});

test('the same command in mid-batch, and after Ctrl-C: each item is counted once, by both', async () => {
  await worker.stop();
  for (let n = 0; n < 12; n++) await photo(stack, `mid/good-${n}`);
  for (let n = 0; n < 3; n++) await broken(stack, `mid/bad-${n}`);
  const args = ['--input', path.join(stack.home, 'in/mid'), '--json'];
  const stopped = startCommand(stack, 'start-batch', args);
  await stopped.says('"total":15');
  stopped.signal('SIGINT');
  expect((await stopped.ended).code).toBe(130);
  worker = await stack.worker({ DARKROOM_POOLS: 'workflows,image', DARKROOM_IMAGE_SLOTS: '1' });
  const first = startCommand(stack, 'start-batch', args);
  await first.says(/"done":[1-9]/);
  const second = startCommand(stack, 'start-batch', args);
  for (const { code, summary } of await Promise.all([first.ended, second.ended])) {
    expectToAddUp(summary);
    expect(summary).toMatchObject({ submitted: 15, failed: 3, rejected: 0, open: 0 });
    expect(summary.completed + summary.skipped).toBe(12);
    expect(code).toBe(1);
  }
});

test('a batch that is not there is no success for cancel, retry and status', async () => {
  for (const name of ['control cancel', 'control pause', 'control resume', 'retry', 'status']) {
    const [file = '', ...args] = name.split(' ');
    const { code, stderr } = await runCommand(stack, file, [...args, 'nope']);
    expect([name, code, stderr.trim().split('\n').at(-1)]).toEqual([
      name,
      1,
      'There is no batch "nope" that the server remembers.',
    ]);
  }
});

test('an open item with another source is refused across submissions of one batch', async () => {
  await worker.stop();
  const [a, b] = sources.map((source) => JSON.stringify({ source, id: 'one' }));
  const first = await list('first.jsonl', a ?? '');
  expect((await startBatch('--input', first, '--batch-id', 'across', '--no-wait')).summary).toMatchObject({
    ...{ submitted: 1, open: 1 },
  });
  await until(async () => (await runs('across')) === 1);
  const second = await startBatch('--input', await list('second.jsonl', b ?? ''), '--batch-id', 'across', '--no-wait');
  expect(second.summary).toMatchObject({
    submitted: 1,
    rejected: 1,
    open: 0,
    failures: [{ type: 'Conflict', line: 1 }],
  });
  expect(second.summary.failures[0].source).toBe(fileUri(path.join(stack.home, 'in/l2.jpg')));
  expect(second.code).toBe(1);
});
