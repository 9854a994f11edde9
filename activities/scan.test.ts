import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkItem } from '../common/contracts';
import { which } from '../common/config/executables';
import { freePort } from '../local/embedded/free-port';
import type { Fetched } from '../storage';
import { testWhere } from '../test/support/only-where';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { scan } from './scan';

const clamd = which('clamd');
const MARK = 'darkroom-test-of-a-virus-scanner';
let folder: string;
let daemon: ChildProcess | undefined;
let port = 0;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-clamd-'));
  if (clamd === undefined) return;
  port = await freePort();
  // A signature of our own: the real ones would have to be downloaded.
  await writeFile(path.join(folder, 'own.ndb'), `Darkroom.Test:0:*:${Buffer.from(MARK).toString('hex')}\n`);
  const settings = ['Foreground yes', `TCPSocket ${port}`, 'TCPAddr 127.0.0.1', `DatabaseDirectory ${folder}`];
  await writeFile(path.join(folder, 'clamd.conf'), [...settings].join('\n'));
  daemon = spawn(clamd, ['--config-file', path.join(folder, 'clamd.conf')], { stdio: 'ignore' });
  while ((await outcome(Buffer.from('hello'))) !== 'clean') await sleep(200);
});
afterAll(() => {
  daemon?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** `clean`, or the type of the failure. */
async function outcome(bytes: Buffer, address = `127.0.0.1:${port}`, signal = new AbortController().signal) {
  const file = path.join(folder, 'in');
  await writeFile(file, bytes);
  const deps = { config: { clamd: address, clamdMaxBytes: 1_000_000 } } as ActivityDeps;
  const stages = { run: <T>(_stage: string, _format: string, work: () => Promise<T>) => work() };
  const attempt = { signal, stages, progress: () => undefined } as unknown as Attempt;
  const source = { path: file, bytes: bytes.length } as Fetched;
  return scan(deps, attempt, { kind: 'image' } as WorkItem, source).then(
    () => 'clean',
    (error: { type?: string }) => error.type ?? error,
  );
}

const needsClamd = testWhere(clamd !== undefined, 'clamd is not installed (Debian: clamav-daemon)');

needsClamd('a clean file passes, also one of many chunks', async () => {
  await expect(outcome(Buffer.alloc(900_000, 'a'))).resolves.toBe('clean');
});

needsClamd('a file with a signature is refused for good', async () => {
  await expect(outcome(Buffer.from(`....${MARK}....`))).resolves.toBe('Infected');
});

test('a file that is larger than the scanner accepts is refused without asking', async () => {
  await expect(outcome(Buffer.alloc(1_000_001, 'a'), `127.0.0.1:${await freePort()}`)).resolves.toBe('MediaTooLarge');
});

test('a scanner that is away is waited for', async () => {
  await expect(outcome(Buffer.from('a'), `127.0.0.1:${await freePort()}`)).resolves.toBe('ScannerUnavailable');
});

test('a scanner that hangs up without an answer, or talks nonsense, is one that is away', async () => {
  let answer = '';
  const server = createServer((socket) => void socket.on('error', () => undefined).end(answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
  await expect(outcome(Buffer.from('a'), address)).resolves.toBe('ScannerUnavailable');
  answer = 'stream: who knows\0';
  await expect(outcome(Buffer.from('a'), address)).resolves.toBe('ScannerUnavailable');
  server.close();
});

test('a cancelled attempt stops waiting for the scanner, with its own reason', async () => {
  const server = createServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const abort = new AbortController();
  const reason = new Error('cancelled');
  const scanned = outcome(Buffer.from('a'), address, abort.signal);
  setTimeout(() => abort.abort(reason), 100);
  await expect(scanned).resolves.toBe(reason);
  server.close();
});

test('without a scanner in the configuration nothing is scanned', async () => {
  const deps = { config: {} } as ActivityDeps;
  await expect(scan(deps, {} as Attempt, {} as WorkItem, {} as Fetched)).resolves.toBeUndefined();
});
