/** Where tasks of models go, on a real server with real workers; the models are processes that wait for a file. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { Activities } from '../../activities';
import { analyse, type AnalysisInput } from '../../activities/analyse';
import { findModel, type Miss } from '../../activities/find-model';
import type { WorkItem } from '../../common/contracts';
import type { ModelName } from '../../common/models';
import { built } from '../../common/paths';
import { taskQueue } from '../../common/pools';
import { ModelHost } from '../../models/host';
import { warmQueuesOf } from '../../workers/model-workers';
import { createPoolWorkers } from '../../workers/pools';
import type { ScratchRoom } from '../../workers/scratch/room';
import { planSlots } from '../../workers/slots';
import { queuesOf } from '../support/items';
import { labItem, openLab, type Lab } from '../support/lab';
import { startStack, until, type Stack } from '../support/stack';

const NAMES = ['a', 'b'] as string[] as ModelName[];
const MODEL_BYTES = 512 * 2 ** 20;
const LOAD_SECONDS = 0.5;
const NEEDS = Object.fromEntries(NAMES.map((name) => [name, { memoryBytes: MODEL_BYTES, loadSeconds: 5 }]));
const ROOM = { wait: () => Promise.resolve(), state: { ok: true } } as unknown as ScratchRoom;

/** Loads at once; answers while its file is there. */
const child = (gate: string): string => `
process.on('disconnect', () => process.exit());
process.on('message', ({ id, task }) => {
  const answer = () => {
    if (task !== 'load' && !require('node:fs').existsSync(${JSON.stringify(gate)})) return setTimeout(answer, 20);
    process.send({ id, ok: true, outcome: {} });
  };
  answer();
});`;

let stack: Stack;
let lab: Lab;
let natives: NativeConnection[];
let workflowBundle: WorkflowBundle;
let gate: string;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  [stack, lab, workflowBundle] = await Promise.all([
    startStack(),
    openLab(),
    bundleWorkflowCode({ workflowsPath: built('bench/models/workflows.js'), logger: new DefaultLogger('ERROR') }),
  ]);
  const address = stack.config.temporalAddress;
  // Two workers of one queue need a connection each.
  natives = await Promise.all([1, 2].map(() => NativeConnection.connect({ address })));
  gate = path.join(lab.root, 'open');
  await writeFile(path.join(lab.root, 'child.js'), child(gate));
  await writeFile(path.join(lab.root, 'a.jpg'), 'the models do not look');
});
beforeEach(() => writeFile(gate, ''));
afterAll(async () => {
  await Promise.all(natives.map((native) => native.close()));
  await lab.close();
  await stack.stop();
});

interface Pool {
  hosts: ModelHost[];
  /** Runs one task; returns the queues that its analysis was scheduled on, without their common prefix. */
  task(model: string): Promise<string[]>;
}

/** Runs `body` with workers for models, each with memory for `fit` of them, and one for workflows. */
async function withPool(workers: number, fit: number, body: (pool: Pool) => Promise<void>): Promise<void> {
  const queuePrefix = `t-${randomUUID().slice(0, 8)}`;
  const config = { ...lab.deps.config, queuePrefix };
  const slots = { ...planSlots(config), models: 1 };
  const hosts = Array.from({ length: workers }, () => {
    const runtime = { providers: ['cpu'], threads: 1 };
    const own = { runtime, needs: NEEDS, pinned: [], entry: path.join(lab.root, 'child.js') };
    return new ModelHost({ ...own, budgetBytes: fit * MODEL_BYTES, slots: 1, timeoutMs: 60_000 });
  });
  const serving = hosts.map((models, index) => {
    const connection = natives[index] as NativeConnection;
    const deps = { ...lab.deps, config, models };
    const activities = { analyse: (item: WorkItem, input: AnalysisInput) => analyse(deps, item, input) } as Activities;
    const { metrics } = lab.deps;
    const more = { connection, models, room: ROOM, metrics, slots, activities, modelNames: NAMES };
    return createPoolWorkers('models', { config, ...more });
  });
  const warmQueues = warmQueuesOf(natives[0] as NativeConnection, config, () => LOAD_SECONDS);
  const asked = { ...lab.deps, warmQueues };
  const deciding = Worker.create({
    ...{ connection: natives[0], workflowBundle, taskQueue: taskQueue(queuePrefix, 'workflows') },
    activities: { findModel: (model: ModelName, missed?: Miss) => findModel(asked, model, missed) },
  });
  const all = [await deciding, ...(await Promise.all(serving)).flat().map(({ worker }) => worker)];
  const running = Promise.all(all.map((worker) => worker.run()));
  const task = async (model: string): Promise<string[]> => {
    const handle = await stack.client.workflow.start('benchTask', {
      ...{ workflowId: randomUUID(), taskQueue: taskQueue(queuePrefix, 'workflows') },
      args: [model, true, LOAD_SECONDS, labItem(path.join(lab.root, 'a.jpg'))],
    });
    await handle.result();
    return (await queuesOf(handle)).map((queue) => queue.slice(queuePrefix.length + 1));
  };
  try {
    await body({ hosts, task });
  } finally {
    for (const worker of all) worker.shutdown();
    await running;
    await Promise.all(hosts.map((host) => host.close()));
  }
}

test('a model that nobody has goes to the common queue at once; later tasks go to the worker that has it', async () => {
  await withPool(2, 2, async ({ hosts, task }) => {
    expect(await task('a')).toEqual(['models']);
    expect(await task('b')).toEqual(['models']);
    for (const model of ['a', 'b', 'a', 'b']) expect(await task(model)).toEqual([`models-${model}`]);
    expect(hosts.flatMap((host) => host.stats().models).sort()).toEqual(['a', 'b']);
  });
});

test('where tasks of a model wait for longer than loading, another worker loads it', async () => {
  await withPool(2, 1, async ({ hosts, task }) => {
    await task('a');
    await rm(gate);
    const waiting = Array.from({ length: 6 }, () => task('a'));
    await until(() => hosts.every((host) => host.isWarm(NAMES[0] ?? 'text')));
    await writeFile(gate, '');
    const queues = await Promise.all(waiting);
    // The others waited for the workers that have it.
    expect(queues.filter((each) => each.includes('models'))).toHaveLength(1);
  });
});

test('a task that reaches a worker after the model left its memory goes on at once', async () => {
  await withPool(1, 1, async ({ hosts, task }) => {
    expect(await task('a')).toEqual(['models']);
    expect(await task('b')).toEqual(['models']);
    expect((await task('a')).at(-1)).toBe('models');
    expect(hosts[0]?.stats().models).toEqual(['a']);
  });
});
