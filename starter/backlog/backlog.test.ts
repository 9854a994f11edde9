/** Each cause, made for real on a server of the test's own: the doctor names it and no other. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { WorkItem } from '../../common/contracts';
import type { MediaKind } from '../../common/kinds';
import type { ErrorType } from '../../common/errors';
import { built } from '../../common/paths';
import { startProxy } from '../../test/support/proxy';
import { startTestServer, type TestServer } from '../../test/starter/server';
import { examineBacklog } from '.';
import { diagnose } from './diagnose';
import { gather } from './gather';
import { DEFAULT_LIMITS, type Finding } from './types';

/** As the defaults, for people in a hurry. */
const limits = { ...DEFAULT_LIMITS, patienceSeconds: 1, slowTemporalMs: 1500, silentSeconds: 4, poisonAttempts: 3 };
const GAP_MS = 1_500;

type Fake = (item: WorkItem) => Promise<unknown>;

let server: TestServer;
let connection: NativeConnection;
let running: { worker: Worker; ended: Promise<void> }[] = [];

beforeAll(async () => {
  Runtime.install({
    logger: { ...console, log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    // Steps that end after their item was ended are what these tests make.
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
  });
  server = await startTestServer();
  connection = await NativeConnection.connect({ address: server.config.temporalAddress });
});
afterEach(async () => {
  const { client } = server;
  const open = 'ExecutionStatus = "Running"';
  for await (const { workflowId, runId } of client.workflow.list({ query: open })) {
    await client.workflow.getHandle(workflowId, runId).terminate();
  }
  for (const { worker } of running) worker.shutdown();
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
  while ((await client.workflow.count(open)).count > 0) await sleep(100);
});
afterAll(async () => {
  await connection.close();
  await server.close();
});

async function work(options: Omit<WorkerOptions, 'connection'>): Promise<void> {
  const worker = await Worker.create({ connection, identity: `of ${options.taskQueue}`, ...options });
  running.push({ worker, ended: worker.run() });
}

/** The real workflows, and somebody who pretends to be the activities on a queue of our own for this test. */
async function serve(prefix: string, pool: MediaKind, fake: Fake, more: Partial<WorkerOptions> = {}): Promise<void> {
  await serveWorkflows(prefix);
  const activities = { makeImage: fake, makeVideo: fake };
  await work({ taskQueue: `${prefix}-${pool}`, activities, maxHeartbeatThrottleInterval: 200, ...more });
}

function serveWorkflows(prefix: string): Promise<void> {
  const workflowBundle = { codePath: built('workflow-bundle.js') };
  const sinks = { items: { ended: { fn: () => {}, callDuringReplay: false } } };
  return work({ taskQueue: `${prefix}-workflows`, workflowBundle, sinks });
}

async function submit(prefix: string, kind: MediaKind, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}/${index}-${randomUUID()}`);
  for (const id of ids) {
    const source = `s3://photos/${id}`;
    const item = { batchId: prefix, itemKey: id, kind, source, output: `file:///out/${id}`, preset: { name: 'p' } };
    await server.client.workflow.start(kind === 'image' ? 'processImage' : 'processVideo', {
      ...{ workflowId: id, taskQueue: `${prefix}-workflows`, args: [item], memo: { source } },
    });
  }
  return ids;
}

const configOf = (queuePrefix: string) => ({ ...server.config, queuePrefix });

/** The first findings that the doctor has. */
async function firstFindings(prefix: string): Promise<Finding[]> {
  for (;;) {
    const { findings } = await examineBacklog(configOf(prefix), limits, GAP_MS);
    if (findings.length > 0) return findings;
    await sleep(200);
  }
}

async function expectOnly(prefix: string, cause: Finding['cause'], ...words: string[]): Promise<void> {
  const findings = await firstFindings(prefix);
  expect(findings).toEqual([expect.objectContaining({ cause })]);
  const text = [...(findings[0]?.evidence ?? []), ...(findings[0]?.mend ?? [])].join('\n');
  for (const word of words) expect(text).toContain(word);
}

const endless = (): Promise<never> => Context.current().cancelled;
const failing = (type: ErrorType) => async (): Promise<never> => {
  throw ApplicationFailure.create({ type, message: 'The store did not answer.' });
};
/** Heartbeats what `figure` says until it is cancelled. */
const telling = (figure: () => number) => async (): Promise<never> => {
  const { cancellationSignal } = Context.current();
  while (!cancellationSignal.aborted) {
    Context.current().heartbeat({ frames: figure(), speed: Math.random() });
    await sleep(100);
  }
  return endless();
};

test('nothing to do: healthy', async () => {
  expect((await examineBacklog(configOf('calm'), limits, GAP_MS)).findings).toEqual([]);
});

test('work that runs and grows: healthy', async () => {
  let frames = 0;
  await serve(
    'fine',
    'video',
    telling(() => ++frames),
  );
  await submit('fine', 'video', 1);
  for (;;) {
    const { evidence, findings } = await examineBacklog(configOf('fine'), limits, GAP_MS);
    expect(findings).toEqual([]);
    if (evidence.steps[0]?.stands === false) break;
  }
});

test('no worker', async () => {
  await submit('none', 'image', 3);
  await expectOnly('none', 'no-workers', '3 tasks wait on none-workflows', 'DARKROOM_POOLS=workflows npm run worker');
});

test('a worker that polls a queue which nobody fills', async () => {
  await serve('typo', 'image', endless, { taskQueue: 'tpyo-image' });
  await submit('typo', 'image', 2);
  await expectOnly(
    'typo',
    'misnamed-queue',
    'tpyo-image, which nobody fills',
    'DARKROOM_QUEUE_PREFIX=typo npm run worker',
  );
});

test('items submitted to another prefix than the one that is served', async () => {
  await serve('served', 'image', endless);
  await submit('servde', 'image', 1);
  await expectOnly(
    'served',
    'misnamed-queue',
    'no worker asks for work of servde-workflows',
    'served-workflows, which',
  );
});

test('a worker that asked a moment ago and is gone', async () => {
  await serveWorkflows('gone');
  const { connection: client } = server.client;
  const ask = { namespace: 'default', taskQueue: { name: 'gone-image' }, identity: '4711@elsewhere' };
  // Hangs up in the middle of its long poll, as one that is killed.
  const killed = new AbortController();
  const poll = () => client.workflowService.pollActivityTaskQueue(ask);
  const asking = client.withDeadline(Date.now() + 60_000, () => client.withAbortSignal(killed.signal, poll));
  setTimeout(() => killed.abort(), 1_000);
  await expect(asking).rejects.toThrow();
  await submit('gone', 'image', 1);
  const hasty = { gapMs: GAP_MS, silentPollerMs: 500 };
  for (;;) {
    const findings = diagnose(await gather(configOf('gone'), hasty), limits);
    if (findings.length === 0) continue;
    expect(findings).toEqual([expect.objectContaining({ cause: 'no-workers', queue: 'gone-image' })]);
    expect(findings[0]?.evidence.join('\n')).toContain('4711@elsewhere has stopped asking for work');
    return;
  }
});

test('workers with every slot busy', async () => {
  await serve('busy', 'image', endless, { maxConcurrentActivityTaskExecutions: 1 });
  await submit('busy', 'image', 4);
  await expectOnly(
    'busy',
    'too-few-slots',
    'wait on busy-image',
    'one worker (of busy-image) serves it',
    'npm run worker',
  );
});

test('an item that fails again and again', async () => {
  await serve('poison', 'image', failing('SourceUnavailable'));
  const [id = ''] = await submit('poison', 'image', 1);
  await expectOnly(
    'poison',
    'poison-item',
    id,
    'SourceUnavailable: The store did not answer.',
    'temporal workflow cancel',
  );
});

test('a store that is away', async () => {
  await serve('store', 'image', failing('StorageUnavailable'));
  await submit('store', 'image', 4);
  await expectOnly('store', 'slow-downstream', 'StorageUnavailable at s3://photos');
});

test('an encode that says the same again and again', async () => {
  await serve(
    'stands',
    'video',
    telling(() => 7),
  );
  const [id = ''] = await submit('stands', 'video', 1);
  await expectOnly('stands', 'stuck-step', id, 'of stands-video', '"frames":7');
});

test('an encode that says nothing', async () => {
  await serve('silent', 'video', endless);
  await submit('silent', 'video', 1);
  await expectOnly('silent', 'stuck-step', 'has said nothing for');
});

test('a limit that the workers set', async () => {
  await serve('slow', 'image', async () => ({}), { maxTaskQueueActivitiesPerSecond: 0.3 });
  await submit('slow', 'image', 8);
  await expectOnly('slow', 'rate-limit', '0.30 tasks/s by its workers', 'maxTaskQueueActivitiesPerSecond');
});

test('a limit that is set on the queue', async () => {
  await server.client.workflowService.updateTaskQueueConfig({
    ...{ namespace: 'default', taskQueue: 'closed-image', taskQueueType: 2, identity: 'test' },
    updateQueueRateLimit: { rateLimit: { requestsPerSecond: 0.2 }, reason: 'test' },
  });
  await serve('closed', 'image', async () => ({}));
  await submit('closed', 'image', 8);
  await expectOnly('closed', 'rate-limit', "by the queue's own configuration", 'temporal task-queue config set');
});

test('a server that is slow', async () => {
  const port = Number(server.config.temporalAddress?.split(':')[1]);
  const proxy = await startProxy(port, { delayMs: 300 });
  try {
    const config = { ...configOf('far'), temporalAddress: `127.0.0.1:${proxy.port}` };
    const { findings } = await examineBacklog(config, { ...limits, slowTemporalMs: 500 }, GAP_MS);
    expect(findings.map(({ cause }) => cause)).toEqual(['temporal-slow']);
  } finally {
    await proxy.close();
  }
});

test('a server that is away', async () => {
  // Port 1 of the loopback address: nobody listens there.
  const { findings } = await examineBacklog({ ...configOf('away'), temporalAddress: '127.0.0.1:1' }, limits, GAP_MS);
  expect(findings.map(({ cause }) => cause)).toEqual(['temporal-away']);
  expect(findings[0]?.evidence.join()).toContain('127.0.0.1:1 does not answer');
});
