/** The typed client against the real service, through a front that fails now and then. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Darkroom, DarkroomApiError, newUploadId, readWebhook } from '../../client';
import { projectRoot } from '../../common/paths';
import { startFront, type Front } from '../support/front';
import { startStack, until, type Stack } from '../support/stack';
import { SECRET, startReceiver, type Receiver } from './receiver';
import { broken, photo, startApi, type Api } from './support';

let receiver: Receiver;
let stack: Stack;
let api: Api;
let front: Front;
let darkroom: Darkroom;

beforeAll(async () => {
  receiver = await startReceiver();
  stack = await startStack({
    DARKROOM_WEBHOOK_SECRET: SECRET,
    DARKROOM_PRIVATE_HOSTS: receiver.host,
    DARKROOM_CALLBACK_HOSTS: receiver.host,
  });
  [api] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
  front = await startFront(api.url);
  darkroom = new Darkroom(front.url);
});
afterEach(() => {
  front.answer = () => undefined;
});
afterAll(async () => {
  await front.close();
  await api.stop();
  await stack.stop();
  receiver.stop();
});

const bytesOf = async (name: string) => new Uint8Array(await readFile(fileURLToPath(await photo(stack, name))));

test('its types are those of the document', () => {
  const script = path.join(projectRoot(), 'scripts', 'write-client-types.mjs');
  execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
});

test('from bytes to addresses: upload, submit, wait, files', async () => {
  const upload = await darkroom.upload('photo.jpg', await bytesOf('client'));
  const { id } = await darkroom.submit({ source: upload.source, id: 'client' });
  const job = await darkroom.wait(id);
  expect(job.state).toBe('succeeded');
  const files = darkroom.files(job);
  expect(files.map(({ name }) => name)).toContain('webp-640');
  for (const { url } of files) expect((await fetch(url)).headers.get('content-type')).toMatch(/^image\//);
});

test('bytes that are there are not sent again, and an upload that breaks off is begun again', async () => {
  let puts = 0;
  front.answer = ({ method }) => {
    if (method !== 'PUT') return undefined;
    return ++puts === 1 ? 'cut' : undefined;
  };
  const bytes = await bytesOf('again');
  const first = await darkroom.upload('again.jpg', bytes);
  expect(await darkroom.upload('again.jpg', new Blob([bytes]))).toEqual(first);
  expect(puts).toBe(2);
});

describe('a file in parts', () => {
  const options = { firstPart: 64 * 1024 };
  /** Bytes that nothing else has. */
  const fresh = (size: number) => new Uint8Array(randomBytes(size));
  /** Counts the bytes of the parts; `before` may answer one itself. */
  const counting = (before: (count: number) => ReturnType<Front['answer']> = () => undefined) => {
    const sent: number[] = [];
    front.answer = ({ method, headers }) => {
      if (method !== 'PUT') return undefined;
      const own = before(sent.length + 1);
      if (own === undefined) sent.push(Number(headers['content-length']));
      return own;
    };
    return sent;
  };

  test('goes on where an earlier program was broken off, and is the file in the end', async () => {
    const bytes = fresh(900_000);
    const first = counting((count) => (count > 2 ? 'cut' : undefined));
    const impatient = new Darkroom(front.url, { patienceMs: 0 });
    await expect(impatient.upload('parts.bin', bytes, options)).rejects.toMatchObject({ status: 0 });
    expect(first).toEqual([65_536, expect.any(Number)]);
    const rest = counting();
    const seen: number[] = [];
    const { source, bytes: size } = await darkroom.upload('parts.bin', new Blob([bytes]), {
      ...{ ...options, onProgress: (count) => seen.push(count) },
    });
    expect([...first, ...rest].reduce((sum, each) => sum + each)).toBe(bytes.length);
    expect(seen[0]).toBe(first[0]! + first[1]!);
    expect(size).toBe(bytes.length);
    const file = fileURLToPath(source);
    expect(Buffer.compare(await readFile(file), bytes)).toBe(0);
    const names = await readdir(path.join(path.dirname(file), '..'));
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    expect(await darkroom.upload('parts.bin', bytes, options)).toMatchObject({ source });
  });

  test('goes on by its id where its hash is not known, and after an answer that was lost', async () => {
    const bytes = fresh(300_000);
    // As a file of a page by http: too large to be hashed.
    const source = { size: bytes.length, slice: (start: number, end: number) => bytes.subarray(start, end) };
    const id = newUploadId();
    const large = { ...options, id, sha256: createHash('sha256').update(bytes).digest('hex') };
    const stop = new AbortController();
    const stopped = darkroom.upload('large.bin', source, {
      ...{ ...large, signal: stop.signal, onProgress: (count) => count > 0 && stop.abort(new Error('enough')) },
    });
    await expect(stopped).rejects.toThrow('enough');
    let asked = 0;
    const sent = counting();
    const { answer } = front;
    front.answer = (request) => {
      const lie = { status: 202, body: JSON.stringify({ offset: 0, name: 'large.bin' }) };
      return request.method === 'GET' && asked++ === 0 ? lie : answer(request);
    };
    const { source: uri } = await darkroom.upload('large.bin', source, large);
    expect(Buffer.compare(await readFile(fileURLToPath(uri)), bytes)).toBe(0);
    // The first one is refused: it is here.
    expect(sent.slice(1).reduce((sum, each) => sum + each)).toBe(bytes.length - 65_536);
    expect(asked).toBe(2);
  });
});

test('what passes is tried again as the service asks; what does not is thrown with its code', async () => {
  let asked = 0;
  front.answer = () => (++asked <= 2 ? { status: 503, headers: { 'retry-after': '0.1' } } : undefined);
  expect((await darkroom.job('jobs~client')).state).toBe('succeeded');
  expect(asked).toBe(3);
  const missing = darkroom.job('jobs~none');
  await expect(missing).rejects.toThrow(DarkroomApiError);
  await expect(missing).rejects.toMatchObject({ status: 404, code: 'NoSuchJob', passes: false });
  front.answer = () => ({ status: 503 });
  await expect(new Darkroom(front.url, { patienceMs: 0 }).job('x~x')).rejects.toMatchObject({ status: 503 });
});

test('a batch: ids of its jobs, all items page by page, its failure, what follows a job', async () => {
  const jobs = [
    { source: await photo(stack, 'one'), id: 'one' },
    { source: await broken(stack, 'two'), id: 'two' },
  ];
  const submitted = await darkroom.submitBatch({ id: 'trip', jobs });
  expect(submitted.jobs.map(({ id }) => id)).toEqual(['trip~one', 'trip~two']);
  const states: string[] = [];
  for await (const { state } of darkroom.follow('trip~one')) states.push(state);
  expect(states.at(-1)).toBe('succeeded');
  expect(await darkroom.wait('trip~two')).toMatchObject({ state: 'failed', error: { type: 'CorruptMedia' } });
  await until(async () => (await darkroom.batch('trip')).open === 0, 200);
  const items = [];
  for await (const item of darkroom.items('trip', { state: 'failed' })) items.push(item.id);
  expect(items).toEqual(['trip~two']);
});

test('a webhook is read when it is genuine, and refused when it is not', async () => {
  const source = await photo(stack, 'hooked');
  await darkroom.submit({ source, id: 'hooked', callbackUrl: `${receiver.base}/hook` });
  await until(() => receiver.callsTo('/hook').length === 1, 300);
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.callsTo('/hook');
  expect(await readWebhook(SECRET, headers, body)).toMatchObject({ type: 'job.succeeded', job: 'jobs~hooked' });
  await expect(readWebhook(SECRET, headers, body.replace('hooked', 'other'))).rejects.toThrow('signature');
  const old = { ...headers, 'webhook-timestamp': '1700000000' };
  await expect(readWebhook(SECRET, old, body)).rejects.toThrow('five minutes');
});
