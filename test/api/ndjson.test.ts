/** Many lines through one request: all are answered, and memory stays as it was. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { startStack, type Stack } from '../support/stack';
import { photo, startApi, type Api } from './support';

/** Lines; `npm run load` sends a hundred thousand. */
const LINES = Number(process.env['DARKROOM_TEST_LINES'] ?? 5000);
/** Of them, one in this many is a new job; the others are answered by what is known of it, or refused. */
const NEW = 20;
const MAX_GROWTH = 200 * 2 ** 20;

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  api = await startApi(stack);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

/** Resident memory of the service, bytes. */
function rss(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${api.pid}/status`, 'utf8'))?.[1]) * 1024;
}

test(
  `${LINES} lines are answered one by one with flat memory`,
  async () => {
    const source = await photo(stack, 'line');
    function* lines(): Generator<string> {
      for (let n = 1; n <= LINES; n++) {
        if (n % NEW === 0) yield `${JSON.stringify({ source, id: `n${n}` })}\n`;
        else yield n % 2 === 0 ? 'nonsense\n' : `${JSON.stringify({ source: 'file:///etc/passwd', id: `n${n}` })}\n`;
      }
    }
    const before = rss();
    let most = 0;
    const started = performance.now();
    const sending = request(`${api.url}/v1/batches?id=many`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
    });
    const seen = new Set<number>();
    let summary: Record<string, number> = {};
    const reading = new Promise<void>((resolve, reject) => {
      sending.once('error', reject).once('response', (answer) => {
        const each = createInterface({ input: answer });
        each.on('line', (text) => {
          const value = JSON.parse(text) as { line?: number; summary?: Record<string, number> };
          if (value.line !== undefined) seen.add(value.line);
          if (value.line !== undefined && value.line % 100 === 0) most = Math.max(most, rss());
          summary = value.summary ?? summary;
        });
        each.once('close', resolve);
      });
    });
    await Promise.all([pipeline(Readable.from(lines()), sending), reading]);
    expect(seen.size).toBe(LINES);
    expect(summary).toEqual({
      started: LINES / NEW,
      joined: 0,
      skipped: 0,
      rejected: LINES - LINES / NEW,
      duplicates: 0,
    });
    const seconds = (performance.now() - started) / 1000;
    const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
    process.stderr.write(`${LINES} lines in ${seconds.toFixed(1)} s; service ${mib(before)} → ${mib(most)} MiB\n`);
    expect(most - before).toBeLessThan(MAX_GROWTH);
  },
  30 * 60_000,
);

test('a service that stops ends a stream whose sender is silent with a last word; what was answered stays', async () => {
  const other = await startApi(stack);
  const sending = request(`${other.url}/v1/batches?id=cut-off`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  // The connection is cut while the sender could go on.
  sending.on('error', () => undefined);
  const source = await photo(stack, 'first');
  const answers = new Promise<object[]>((resolve) => {
    sending.once('response', (answer) => {
      const all: object[] = [];
      const each = createInterface({ input: answer });
      each.on('line', (text) => {
        const value = JSON.parse(text) as { line?: number };
        all.push(value);
        if (value.line === 1) void other.stop();
      });
      each.once('close', () => resolve(all));
    });
  });
  sending.write(`${JSON.stringify({ source, id: 'first' })}\n`);
  expect(await answers).toEqual([
    expect.objectContaining({ batch: expect.any(String) }),
    expect.objectContaining({ line: 1, status: 'started' }),
    { error: expect.objectContaining({ code: 'Stopping', status: 503 }) },
    { summary: { started: 1, joined: 0, skipped: 0, rejected: 0, duplicates: 0 } },
  ]);
  await other.ended;
});
