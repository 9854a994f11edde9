/** `start-batch --api`: local files go through the service, and the summary is the one that Temporal would give. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileUri } from '../../storage';
import { expectToAddUp, startCommand, type Ended, type Running } from '../support/cli';
import { startFront, type Front } from '../support/front';
import { endProcess, startStack, type Stack } from '../support/stack';
import { broken, photo, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
let front: Front;
let worker: Awaited<ReturnType<Stack['worker']>>;
beforeAll(async () => {
  stack = await startStack();
  [api, worker] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
  front = await startFront(api.url);
});
afterAll(async () => {
  await front.close();
  await api.stop();
  await stack.stop();
});
afterEach(() => {
  front.answer = () => undefined;
  front.buffers = false;
});

/** Temporal is out of reach: only the service is there. */
function start(folder: string, url = front.url, env: NodeJS.ProcessEnv = {}): Running {
  const args = ['--input', path.join(stack.home, 'in', folder), '--api', url, '--json'];
  return startCommand(stack, 'start-batch', args, { TEMPORAL_ADDRESS: '127.0.0.1:1', ...env });
}

async function good(running: Running): Promise<Ended['summary']> {
  const { code, summary, stderr } = await running.ended;
  if (code !== 0) throw new Error(stderr);
  expectToAddUp(summary);
  return summary;
}

async function photos(folder: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await photo(stack, `${folder}/${n}`);
}

const uploads = async () => {
  const { body } = await api.call('GET', '/metrics');
  const [, count = '0'] = /_count\{method="PUT",route="\/v1\/uploads\/:name",status="201"\} (\d+)/.exec(body) ?? [];
  return Number(count);
};

test('a folder is uploaded and processed without Temporal at hand; what the service refuses is told', async () => {
  for (const name of ['one photo', 'två %d', '写真'.repeat(30)]) await photo(stack, `first/${name}`);
  await writeFile(path.join(stack.home, 'in/first/empty.jpg'), '');
  const first = await start('first').ended;
  expect(first.summary).toMatchObject({ submitted: 4, completed: 3, failed: 0, rejected: 1, skipped: 0 });
  const empty = { source: fileUri(path.join(stack.home, 'in/first/empty.jpg')), message: 'The upload is empty.' };
  expect(first.summary.failures).toEqual([expect.objectContaining(empty)]);
  expect([first.code, await uploads()]).toEqual([1, 3]);

  // The same again: only what is new travels, and only that is done.
  await photo(stack, 'first/one more');
  const { summary } = await start('first').ended;
  expect(summary).toMatchObject({ submitted: 5, completed: 1, failed: 0, rejected: 1, skipped: 3 });
  expectToAddUp(summary);
  expect(await uploads()).toBe(4);
});

test('failures name the file of the caller, and the same file in two folders is two items', async () => {
  await broken(stack, 'own/hurt');
  await photo(stack, 'own/a/same');
  await mkdir(path.join(stack.home, 'in/own/b'), { recursive: true });
  await copyFile(path.join(stack.home, 'in/own/a/same.jpg'), path.join(stack.home, 'in/own/b/same.jpg'));
  const { summary, code } = await start('own').ended;
  expect(summary).toMatchObject({ submitted: 3, completed: 2, failed: 1, duplicates: 0 });
  expect(summary.failures).toMatchObject([{ source: fileUri(path.join(stack.home, 'in/own/hurt.jpg')) }]);
  expect(JSON.stringify(summary)).not.toContain('_uploads');
  expect(code).toBe(1);
});

test('a batch that the service does not know yet is waited for', async () => {
  await photo(stack, 'early/one');
  let forgotten = 0;
  front.answer = ({ method, url }) => {
    if (method !== 'GET' || !/^\/v1\/batches\/[^/?]+$/.test(url ?? '') || forgotten++ > 0) return undefined;
    return { status: 404, body: JSON.stringify({ status: 404, code: 'NoSuchBatch', detail: 'There is no batch.' }) };
  };
  expect(await good(start('early'))).toMatchObject({ submitted: 1, completed: 1 });
  expect(forgotten).toBeGreaterThan(1);
});

test('a service that is busy or away at every kind of call is waited for, as long as it says', async () => {
  await photos('busy', 6);
  const met = new Map<string, number>();
  front.answer = ({ method, url = '' }) => {
    const call = `${method} ${url.replace(/^\/v1\/(\w+).*/, '$1')}`;
    const times = met.get(call) ?? 0;
    met.set(call, times + 1);
    const problem = (status: number) => ({
      ...{ status, headers: { 'retry-after': '1' } },
      body: JSON.stringify({ status, code: status === 429 ? 'Overloaded' : 'TemporalUnavailable', detail: 'Later.' }),
    });
    return [problem(503), 'cut' as const, problem(429), { status: 502 }][times];
  };
  const summary = await good(start('busy'));
  expect(summary).toMatchObject({ submitted: 6, completed: 6, failed: 0, rejected: 0 });
  expect([...met.keys()].sort()).toEqual(['GET batches', 'GET uploads', 'POST batches', 'PUT uploads']);
  expect(Math.min(...met.values())).toBeGreaterThan(4);
});

test('a service that is killed in mid-upload, in mid-submit and while it is waited for: the command goes on', async () => {
  await worker.stop();
  await photos('killed', 40);
  let puts = 0;
  let down: Promise<void> | undefined;
  const restart = (): void => {
    down ??= (async () => {
      await endProcess(api.pid);
      api = await startApi(stack);
      front.target = api.url;
      down = undefined;
    })();
  };
  let [posts, waits] = [0, 0];
  front.answer = ({ method, url = '' }) => {
    if (down !== undefined) return 'cut';
    if (method === 'PUT' && ++puts === 10) restart();
    // The second one: lines are answered, and then it dies.
    if (method === 'POST' && ++posts === 2) setTimeout(restart, 100);
    if (method === 'GET' && url.startsWith('/v1/batches/') && ++waits === 2) {
      restart();
      return 'cut';
    }
    return undefined;
  };
  const command = start('killed');
  await command.says('"final":true');
  worker = await stack.worker({ DARKROOM_POOLS: 'workflows,image' });
  expect(await good(command)).toMatchObject({ submitted: 40, completed: 40, failed: 0, rejected: 0, open: 0 });
  expect(await (await api.call('GET', '/v1/batches')).body.batches[0].items).toBe(40);
  expect(Math.min(posts, waits)).toBeGreaterThan(2);
});

test('a proxy that takes whole requests only holds nothing up', async () => {
  await photos('buffered', 5);
  front.buffers = true;
  expect(await good(start('buffered'))).toMatchObject({ submitted: 5, completed: 5 });
});

test('no service there: one sentence', async () => {
  await photo(stack, 'alone/one');
  const { code, stderr } = await start('alone', 'http://127.0.0.1:1', { DARKROOM_CONNECT_WAIT: '1s' }).ended;
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:1 cannot be reached: /);
});
