/**
 * A canary in every secret, then a real starter and worker on a batch that goes wrong wherever it can, among neighbours
 * that quote what they are sent. Afterwards no canary is in anything that came out.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { dataConverterOf } from '../../temporal/encryption';
import { built, projectRoot } from '../../common/paths';
import { runProcess } from '../../common/process';
import { bearer, photo, startApi, type Api } from '../api/support';
import { startCollector, type Collector } from '../support/collector';
import { testWhere } from '../support/only-where';
import { freePort, startStack, until, type Stack } from '../support/stack';
import { API_KEY, canaries, found } from './canaries';
import { hostileHttp, hostileRedis, type Hostile } from './hostile';
import { descendants, filesIn, histories } from './places';

const set = canaries();
const secrets = Object.fromEntries(set.map(({ env, value }) => [env, value]));
const places = new Map<string, string>();
const KEY = bearer(API_KEY);

let stack: Stack;
let api: Api;
let viaSqs: Api;
let collector: Collector;
let store: Hostile;
let redis: Hostile;
let watching: NodeJS.Timeout;

beforeAll(async () => {
  [collector, store, redis] = await Promise.all([startCollector(), hostileHttp(), hostileRedis()]);
  const base = `http://127.0.0.1:${store.port}`;
  // A key for Temporal Cloud asks for TLS, which the server of a test does not speak. For this process and those it starts.
  process.env['TEMPORAL_TLS'] = 'false';
  stack = await startStack({
    ...secrets,
    DARKROOM_REDIS_URL: secrets['DARKROOM_REDIS_URL']?.replace(/:\d+$/, `:${redis.port}`),
    DARKROOM_TRACES: collector.url,
    DARKROOM_ALLOWED_BUCKETS: 'hostile',
    S3_ENDPOINT: base,
    S3_FORCE_PATH_STYLE: 'true',
    AWS_ENDPOINT_URL_SQS: base,
    AWS_MAX_ATTEMPTS: '1',
    DARKROOM_SQS_URL: `${base}/000000000000/jobs`,
    DARKROOM_SQS_DEAD_URL: `${base}/000000000000/dead`,
    DARKROOM_ALLOWED_HOSTS: '127.0.0.1',
    DARKROOM_CALLBACK_HOSTS: `127.0.0.1:${store.port}`,
    DARKROOM_PRIVATE_HOSTS: `127.0.0.1:${store.port}`,
    LOG_LEVEL: 'trace',
  });
  watching = setInterval(() => {
    for (const { pid, argv, environment } of descendants()) {
      // A process at its end has none left.
      if (argv !== '') places.set(`arguments of ${pid}`, argv);
      // A decoder is given a stranger's file: nothing in its environment may be worth stealing.
      if (/child\.js|file:/.test(argv)) places.set(`environment of ${argv.replaceAll('\0', ' ')}`, environment);
    }
  }, 150);
  if (descendants().length === 0) console.warn('Without /proc, the arguments of processes are not among the places.');
}, 60_000);
afterAll(async () => {
  clearInterval(watching);
  for (const starter of [api, viaSqs] as (Api | undefined)[]) await starter?.stop();
  await stack.stop();
  await Promise.all([collector.close(), store.close(), redis.close()]);
});

async function keep(name: string, method: string, where: string, body?: unknown, headers = KEY): Promise<unknown> {
  const answer = await api.call(method, where, body, headers);
  places.set(name, `${answer.status} ${JSON.stringify([...answer.headers])} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A command's whole output, whether it went well or not. */
async function command(module: string, ...args: string[]): Promise<void> {
  const options = { env: stack.env as Record<string, string>, timeoutMs: 60_000 };
  const done = await runProcess(process.execPath, [built(module), ...args], options).catch((error: unknown) => error);
  places.set(module, JSON.stringify({ ...(done as object), message: done instanceof Error ? done.message : '' }));
}

async function jobs(): Promise<object[]> {
  const bad = path.join(stack.home, 'in', 'bad.jpg');
  const good = await photo(stack, 'good');
  await mkdir(path.dirname(bad), { recursive: true });
  await writeFile(bad, Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(50)]));
  const callbackUrl = `http://127.0.0.1:${store.port}/hook`;
  const list: object[] = [
    { id: 'good', source: good, callbackUrl },
    { id: 'bad', source: pathToFileURL(bad).href, callbackUrl },
    { id: 'store', source: 's3://hostile/key.jpg', callbackUrl },
    { id: 'output', source: good, output: 's3://hostile/out' },
    { id: 'host', source: `http://127.0.0.1:${store.port}/photo.jpg` },
    { id: 'nothing', source: pathToFileURL(path.join(stack.home, 'in/nothing.jpg')).href },
  ];
  list.push({ id: 'clip', kind: 'video', source: pathToFileURL(bad).href });
  return list;
}

test('a batch that goes wrong in every way it can', async () => {
  const sdkMetrics = await freePort();
  const [worker, ...starters] = await Promise.all([
    stack.worker({ DARKROOM_SDK_METRICS_PORT: String(sdkMetrics) }),
    startApi(stack, { DARKROOM_JOB_SOURCE: 'redis' }),
    startApi(stack, { DARKROOM_JOB_SOURCE: 'sqs' }),
  ]);
  [api, viaSqs] = starters;
  await keep('POST /v1/batches', 'POST', '/v1/batches', { id: 'wrong', jobs: await jobs() });
  const state = async () => (await api.call('GET', '/v1/batches/wrong', undefined, KEY)).body;
  // What a store refuses is refused at once; what it cannot do just now is tried for days.
  await until(async () => (await state()).succeeded >= 1 && (await state()).failed >= 3, 200);
  await until(() => redis.visits() > 0 && store.visits() > 5);

  for (const id of ['good', 'bad', 'store', 'output', 'host', 'nothing', 'clip']) {
    for (const rest of ['', '/steps', '/files/manifest.json', '/source']) {
      await keep(`GET ${id}${rest}`, 'GET', `/v1/jobs/wrong~${id}${rest}`);
    }
  }
  for (const where of [
    '/v1/batches',
    '/v1/batches/wrong',
    '/v1/batches/wrong/items',
    '/v1/presets',
    '/v1/throughput',
  ]) {
    await keep(`GET ${where}`, 'GET', where);
  }
  // Problems: without a key, with a wrong one, with a body that is none, and of things that are not there.
  await keep('no key', 'GET', '/v1/batches', undefined, {});
  await keep('wrong key', 'GET', '/v1/batches', undefined, bearer('guess'));
  await keep('no json', 'POST', '/v1/jobs', '{', { ...KEY, 'content-type': 'application/json' });
  await keep('wrong fields', 'POST', '/v1/jobs', { source: 7, more: true });
  await keep('forbidden', 'POST', '/v1/jobs', { source: 's3://elsewhere/key' });
  await keep('no such job', 'GET', '/v1/jobs/no~such');
  await keep('no payloads', 'POST', '/codec/decode', { payloads: [{ data: 'bm9uZQ==', metadata: {} }] });
  await keep('sign in', 'POST', '/v1/session', { key: API_KEY }, {});
  // The page, and all that it loads.
  for (const where of ['/', '/openapi.json', '/docs', '/live', '/ready', '/metrics']) await keep(where, 'GET', where);
  for (const [name, text] of filesIn(path.join(projectRoot(), 'dist/web'))) places.set(`page: ${name}`, text);

  for (const [name, port] of [
    ['worker', worker.httpPort],
    ['SDK', sdkMetrics],
    ['second starter', viaSqs.httpPort],
  ] as const) {
    places.set(`metrics of ${name}`, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  }
  // Before the retry, after which nothing has failed for a moment.
  await command('starter/cli/status.js', 'wrong', '--json');
  await Promise.all([
    command('starter/cli/retry.js', 'wrong'),
    command('operate/doctor/main.js'),
    command('starter/cli/start-batch.js', '--input', path.join(stack.home, 'in'), '--api', api.url),
    command('operate/report/main.js', 'wrong', '--output', path.join(stack.home, 'report.html')),
  ]);
  await command('starter/cli/control.js', 'cancel', 'wrong');

  const codecs = dataConverterOf(stack.config).payloadCodecs ?? [];
  for (const [name, text] of await histories(stack.client, codecs)) places.set(name, text);
  await Promise.all([api.stop(), viaSqs.stop(), worker.stop()]);
  for (const [name, text] of filesIn(path.join(stack.home, 'log'))) places.set(`log ${name}`, text);
  for (const [name, text] of filesIn(path.join(stack.home, 'outputs'))) places.set(`output ${name}`, text);
  for (const [name, text] of filesIn(path.join(stack.home, 'scratch'))) places.set(`scratch ${name}`, text);
  places.set('report', filesIn(stack.home).find(([name]) => name === 'report.html')?.[1] ?? '');
  places.set('traces', collector.text());
}, 150_000);

test('every kind of place was really looked at', () => {
  const kinds = [
    'log worker-1.log',
    'log starter-1.log',
    'log starter-2.log',
    'traces',
    'metrics of SDK',
    'no such job',
  ];
  for (const kind of kinds) expect([kind, (places.get(kind)?.length ?? 0) > 50]).toEqual([kind, true]);
  expect(places.get('starter/cli/status.js')).toContain('CorruptMedia');
  const names = [...places.keys()];
  for (const start of [
    'page: ',
    'output ',
    'history of wrong/',
    'decoded history of wrong/',
    'decoded history of webhook/',
  ]) {
    expect([start, names.some((name) => name.startsWith(start))]).toEqual([start, true]);
  }
  if (descendants().length > 0) {
    expect([...places].some(([name, text]) => name.startsWith('arguments') && text.includes('child.js'))).toBe(true);
  }
  expect(places.get('decoded history of wrong/good')).toContain('"batchId":"wrong"');
});

test('nothing is found', () => expect(found(set, places)).toEqual([]));

test('a slip would be found: in a line of a log, and in a payload that only its key opens', async () => {
  const mark = secrets['S3_SECRET_ACCESS_KEY'] ?? '';
  const line = places.get('log worker-1.log') ?? '';
  const log = new Map([['log', `${line}{"level":"info","msg":"signed with ${mark}"}\n`]]);
  expect(found(set, log)).toEqual(['log: S3_SECRET_ACCESS_KEY']);
  expect(found(set, new Map([['hex', Buffer.from(mark).toString('hex')]]))).toEqual(['hex: S3_SECRET_ACCESS_KEY']);

  const planted = { workflowId: 'planted', taskQueue: 'nobody', args: [{ note: mark }] };
  await stack.client.workflow.start('processImage', planted);
  let seen: string[] = [];
  await until(async () => {
    const codecs = dataConverterOf(stack.config).payloadCodecs ?? [];
    seen = found(set, new Map(await histories(stack.client, codecs)));
    return seen.length > 0;
  }, 200);
  expect(seen).toEqual(['decoded history of planted: S3_SECRET_ACCESS_KEY']);
});

const image = process.env['DARKROOM_TEST_IMAGE'] ?? '';
testWhere(image !== '', 'DARKROOM_TEST_IMAGE names no image')(
  'the layers of the image',
  () => {
    const script = path.join(projectRoot(), 'scripts/e2e/image-secrets.sh');
    const { status, stderr } = spawnSync(script, [image, ...set.map(({ value }) => value)], { encoding: 'utf8' });
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  },
  600_000,
);
