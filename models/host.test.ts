import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isAlive, until } from '../test/support/stack';
import { ModelHost } from './host';
import type { ModelEvent, ModelHostOptions } from './host-options';
import type { ModelName } from '../common/models';

/** Does what the name of its input says; a model named `broken` does not load. */
const CHILD = `
process.on('disconnect', () => process.exit());
process.on('message', ({ id, task }) => {
  if (task === 'load') {
    if (process.argv[2] !== 'broken') return process.send({ id, ok: true, outcome: {} });
    return process.send({ id, ok: false, error: { type: 'InternalError', message: 'no such file', details: {} } });
  }
  if (task.input === 'hang') for (;;);
  if (task.input === 'crash') process.abort();
  if (task.input === 'nonsense') return process.send({ id, ok: true, outcome: { text: 'all' } });
  if (task.input === 'bloat') { globalThis.kept = []; setInterval(() => kept.push(Buffer.alloc(2 ** 24, 1)), 2); return; }
  const reply = () => process.send({ id, ok: true, outcome: { text: { alt: process.argv[2] + ' ' + process.pid, lines: [] } } });
  if (task.input === 'slow') setTimeout(reply, 200); else reply();
});`;

const MIB = 2 ** 20;
/** Of stand-ins with names of their own. */
const needs = Object.fromEntries(
  ['a', 'b', 'c', 'broken'].map((name) => [name, { memoryBytes: 200 * MIB, loadSeconds: 1 }]),
);

let folder: string;
let host: ModelHost;
let events: string[];
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-models-'));
  await writeFile(path.join(folder, 'child.js'), CHILD);
});
afterEach(() => host.close());
afterAll(() => rm(folder, { recursive: true }));

function open(over: Partial<ModelHostOptions> = {}): void {
  events = [];
  host = new ModelHost({
    ...{ budgetBytes: 400 * MIB, pinned: [], slots: 2, timeoutMs: 20_000, needs },
    runtime: { providers: ['cpu'], threads: 1 },
    entry: path.join(folder, 'child.js'),
    onEvent: ({ model, type }: ModelEvent) => void events.push(`${model} ${type}`),
    ...over,
  });
}

async function run(model: string, input = 'ok', signal?: AbortSignal, onBegin?: () => void): Promise<string> {
  const task = { input, limits: { maxPixels: 1, maxFrames: 1 }, allowSvg: false };
  return (await host.run(model as ModelName, task, signal, onBegin)).text?.alt ?? '';
}
const loaded = (): string[] => host.stats().models;

test('a model is loaded by its first task, and met by the next one', async () => {
  open();
  const first = await run('a');
  expect(await run('a')).toBe(first);
  expect(events).toEqual(['a cold', 'a loaded', 'a done', 'a warm', 'a done']);
});

test('the idle model that was used longest ago goes where another needs its memory', async () => {
  open();
  for (const model of ['a', 'b', 'a', 'c']) await run(model);
  expect(loaded().sort()).toEqual(['a', 'c']);
  expect(events.filter((event) => event.endsWith('evicted'))).toEqual(['b evicted']);
  expect(host.pids()).toHaveLength(2);
});

test('a pinned model stays, and so does one at work: another waits for it', async () => {
  open({ pinned: ['a' as ModelName] });
  await run('a');
  const slow = run('b', 'slow');
  await until(() => loaded().includes('b'), 5);
  const [b, c] = await Promise.all([slow, run('c')]);
  expect([b, c].map((answer) => answer[0])).toEqual(['b', 'c']);
  expect(loaded().sort()).toEqual(['a', 'c']);
});

test('a model that is larger than the budget is refused at once', async () => {
  open({ budgetBytes: 100 * MIB });
  await expect(run('a')).rejects.toMatchObject({ type: 'ModelUnavailable' });
  expect(host.pids()).toEqual([]);
});

test('a model that cannot be loaded says so, and holds no memory', async () => {
  open({ budgetBytes: 200 * MIB });
  await expect(run('broken')).rejects.toMatchObject({ type: 'ModelUnavailable', message: 'no such file' });
  await expect(run('a')).resolves.toMatch(/^a /);
});

test.each([
  ['crash', { reason: 'crash' }],
  ['hang', { reason: 'timeout' }],
  ['bloat', { reason: 'memory' }],
  ['nonsense', { reason: 'nonsense' }],
])('%s costs its own task and one loading', async (input, details) => {
  open({ timeoutMs: input === 'hang' ? 300 : 20_000 });
  await run('a');
  const bad = run('a', input);
  const next = run('a');
  await expect(bad).rejects.toMatchObject({ type: 'EncoderFailed', details: { childKilled: true, ...details } });
  await expect(next).resolves.toMatch(/^a /);
  expect(events.filter((event) => event === 'a loaded')).toHaveLength(2);
});

test('a task that is given up ends its process, and throws what it was given up for', async () => {
  open();
  await run('a');
  const [pid = 0] = host.pids();
  const abort = new AbortController();
  const giveUp = (): void => void setImmediate(() => abort.abort(new Error('no longer')));
  const hanging = run('a', 'hang', abort.signal, giveUp);
  await expect(hanging).rejects.toThrow('no longer');
  expect(isAlive(pid)).toBe(false);
  await expect(run('a')).resolves.toMatch(/^a /);
});

test('closing ends every process, and whoever waits is told', async () => {
  open();
  await run('a');
  const pids = host.pids();
  const [hanging, waiting] = [run('a', 'hang'), run('a')].map((answer) => answer.catch((error: Error) => error));
  await host.close();
  expect([await hanging, await waiting]).toEqual([expect.any(Error), expect.any(Error)]);
  expect(pids.filter(isAlive)).toEqual([]);
});
