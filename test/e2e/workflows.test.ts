/** The workflows' own rules, on a real server with real workers; only the media work is replaced by what a test needs. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { type ItemProgress, type ItemResult, type WorkItem } from '../../common/contracts';
import type { PlanRef, Task, TaskInput, TaskResult } from '../../common/tasks';
import { taskQueue, type Pool } from '../../common/pools';
import { built } from '../../common/paths';
import { startStack, until, type Stack } from '../support/stack';

let stack: Stack;
let native: NativeConnection;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  stack = await startStack();
  native = await NativeConnection.connect({ address: stack.config.temporalAddress });
});
afterAll(async () => {
  await native.close();
  await stack.stop();
});

type Fakes = Record<string, (...args: never[]) => Promise<unknown>>;

/** Runs `body` with workers on a queue of its own: one for workflows, one for the pool with the fakes. */
async function withWorkers<T>(fakes: Fakes, body: (prefix: string) => Promise<T>, slots = 4): Promise<T> {
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  const create = (pool: Pool, options: object): Promise<Worker> =>
    Worker.create({ connection: native, taskQueue: taskQueue(prefix, pool), ...options });
  const sinks = { items: { ended: { fn: () => undefined } } };
  const workers = await Promise.all([
    create('workflows', {
      ...{ workflowBundle: { codePath: built('workflow-bundle.js') }, sinks },
      activities: { removeOutputs: fakes['removeOutputs'] ?? (() => Promise.resolve()) },
    }),
    create('image', { activities: fakes, maxConcurrentActivityTaskExecutions: slots }),
    create('video', { activities: fakes, maxConcurrentActivityTaskExecutions: slots }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  try {
    return await body(prefix);
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
  }
}

function item(over: Partial<WorkItem> = {}): WorkItem {
  return {
    batchId: 'b',
    itemKey: randomUUID(),
    kind: 'image',
    source: 'file:///nowhere/a.jpg',
    output: 'file:///nowhere/out',
    preset: { name: 'p', video: { audio: 'drop', rungs: [] } },
    recipe: '0000000000',
    priority: 3,
    tenant: 'default',
    ...over,
  };
}

function start(prefix: string, work: WorkItem): Promise<WorkflowHandle> {
  return stack.client.workflow.start(work.kind === 'image' ? 'processImage' : 'processVideo', {
    workflowId: `${work.batchId}/${work.itemKey}`,
    taskQueue: taskQueue(prefix, 'workflows'),
    args: [work],
    priority: { priorityKey: work.priority },
  });
}

const done: ItemResult = { manifest: 'file:///m', bytesIn: 10, bytesOut: 5, renditions: 1 };

/** The failure that the workflow ended with. */
async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
  const error: unknown = await handle.result().catch((caught: unknown) => caught);
  if (!(error instanceof WorkflowFailedError)) throw new Error(`expected a failed workflow, got ${String(error)}`);
  return error.cause as ApplicationFailure;
}

test('bad input fails at its first attempt with its type and sentence', async () => {
  let attempts = 0;
  const makeImage = (): Promise<never> => {
    attempts++;
    throw ApplicationFailure.nonRetryable('The file is empty.', 'CorruptMedia');
  };
  const failure = await withWorkers({ makeImage }, async (prefix) => failureOf(await start(prefix, item())));
  expect(failure).toMatchObject({ type: 'CorruptMedia', message: 'The file is empty.' });
  expect(attempts).toBe(1);
});

test('a store that is away is tried again until it is back, without a count', async () => {
  let attempts = 0;
  const makeImage = (): Promise<ItemResult> => {
    if (++attempts < 5)
      throw ApplicationFailure.create({ message: 'away', type: 'StorageUnavailable', nextRetryDelay: '10ms' });
    return Promise.resolve(done);
  };
  const result = await withWorkers({ makeImage }, async (prefix) => (await start(prefix, item())).result());
  expect(result).toEqual(done);
  expect(attempts).toBe(5);
});

test('an encoder that fails is tried three times in all', async () => {
  let attempts = 0;
  const makeImage = (): Promise<never> => {
    attempts++;
    throw ApplicationFailure.create({ message: 'The encoder failed.', type: 'EncoderFailed' });
  };
  const failure = await withWorkers({ makeImage }, async (prefix) => failureOf(await start(prefix, item())));
  expect(failure.type).toBe('EncoderFailed');
  expect(attempts).toBe(3);
});

test('an attempt that takes longer than it may is tried three times in all, not for days', async () => {
  let attempts = 0;
  const makeImage = async (): Promise<never> => {
    attempts++;
    // Alive, or the server would count its worker as lost.
    const beat = setInterval(() => Context.current().heartbeat(), 100);
    return Context.current().cancelled.finally(() => clearInterval(beat));
  };
  const failure = await withWorkers({ makeImage }, async (prefix) =>
    failureOf(await start(prefix, item({ attemptSeconds: 1 }))),
  );
  expect(failure).toMatchObject({ type: 'EncoderFailed', message: 'A step took longer than it may and was ended.' });
  expect(attempts).toBe(3);
});

/** What an activity reports when its decoder died. */
function died(blame: 'input' | 'system', reason: string): ApplicationFailure {
  const details = [{ childKilled: true, blame, reason, sourceSha256: 'a' }];
  return ApplicationFailure.create({ message: 'The decoder died.', type: 'EncoderFailed', details });
}

/** A quarantine that keeps what it is given. */
function evidenceRoom(): { evidence: unknown[]; quarantine: (item: WorkItem, found: unknown) => Promise<void> } {
  const evidence: unknown[] = [];
  return { evidence, quarantine: (_item, found) => Promise.resolve(void evidence.push(found)) };
}

test('an input that kills its decoder twice in the same step is quarantined with the evidence', async () => {
  let attempts = 0;
  const { evidence, quarantine } = evidenceRoom();
  const makeImage = (): Promise<never> => {
    attempts++;
    throw died('input', 'crash');
  };
  const failure = await withWorkers({ makeImage, quarantine }, async (prefix) =>
    failureOf(await start(prefix, item())),
  );
  expect(failure.type).toBe('Quarantined');
  expect(attempts).toBe(2);
  expect(evidence).toEqual([expect.objectContaining({ reason: 'crash', blame: 'input', step: 'image' })]);
});

/** What makeVideo answers for a video that is not short: a task for each rung, then the manifest. */
function planned(...rungs: string[]): { planned: PlanRef } {
  const encodes = rungs.map((rung): Task => ({
    id: `encode ${rung}`,
    activity: 'makeOutputs',
    outputs: [`rung:${rung}`],
    after: [],
    cost: 100,
  }));
  const after = encodes.map(({ id }) => id);
  const tasks: Task[] = [...encodes, { id: 'publish', activity: 'publishOutputs', outputs: [], after, cost: 0 }];
  return { planned: { plan: 'file:///plan.json', tasks, source: { bytes: 1000, durationSeconds: 10 } } };
}

const published = (): Promise<TaskResult> => Promise.resolve({ renditions: [], result: done });

test('decoders of one item killed in two different steps are not its fault: the item completes', async () => {
  const attempts = { video: 0, encode: 0 };
  const { evidence, quarantine } = evidenceRoom();
  const fakes = {
    makeVideo: (): Promise<object> => {
      if (++attempts.video === 1) throw died('input', 'crash');
      return Promise.resolve(planned('240p'));
    },
    makeOutputs: (): Promise<TaskResult> => {
      if (++attempts.encode === 1) throw died('input', 'memory');
      return Promise.resolve({ renditions: [] });
    },
    publishOutputs: published,
    quarantine,
  };
  const result = await withWorkers(fakes, async (prefix) => (await start(prefix, item({ kind: 'video' }))).result());
  expect(result).toEqual(done);
  expect({ attempts, evidence }).toEqual({ attempts: { video: 2, encode: 2 }, evidence: [] });
});

test('a decoder killed from outside three times in the same step is not quarantined, and is counted apart', async () => {
  let attempts = 0;
  const { evidence, quarantine } = evidenceRoom();
  const makeImage = (): Promise<ItemResult> => {
    if (++attempts <= 3) throw died('system', 'killed');
    return Promise.resolve(done);
  };
  await withWorkers({ makeImage, quarantine }, async (prefix) => {
    const handle = await start(prefix, item());
    expect(await handle.result()).toEqual(done);
    expect(await handle.query<ItemProgress>('progress')).toMatchObject({ encoderFailures: 0, systemFailures: 3 });
  });
  expect({ attempts, evidence }).toEqual({ attempts: 4, evidence: [] });
});

test('pause holds the next step, resume lets it go; both show in the progress', async () => {
  const release: (() => void)[] = [];
  let count = 0;
  const fakes = {
    makeVideo: () => new Promise<object>((resolve) => release.push(() => resolve(planned()))),
    publishOutputs: (): Promise<TaskResult> => {
      count++;
      return published();
    },
  };
  await withWorkers(fakes, async (prefix) => {
    const handle = await start(prefix, item({ kind: 'video' }));
    await until(() => release.length === 1);
    await handle.signal('pause');
    release[0]?.();
    const progress = (): Promise<ItemProgress> => handle.query<ItemProgress>('progress');
    await until(async () => (await progress()).steps[0]?.state === 'done');
    expect(await progress()).toMatchObject({ state: 'paused' });
    expect(count).toBe(0);
    await handle.signal('resume');
    expect(await handle.result()).toEqual(done);
    expect(count).toBe(1);
  });
});

/** An encode that goes on until it is cancelled, and says so a moment later. */
async function endless(order: string[]): Promise<never> {
  const beat = setInterval(() => Context.current().heartbeat(), 100);
  try {
    order.push('encoding');
    return await Context.current().cancelled;
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (error instanceof CancelledFailure) order.push('cancelled');
    throw error;
  } finally {
    clearInterval(beat);
  }
}

/** Writes down when the outputs of an item are removed. */
const removing = (order: string[]) => (): Promise<void> => {
  order.push('removed');
  return Promise.resolve();
};

test('a step that fails ends the whole video; its outputs are removed when its sibling has ended, too', async () => {
  const order: string[] = [];
  const fakes = {
    makeVideo: () => Promise.resolve(planned('a', 'b')),
    makeOutputs: async (_item: WorkItem, { task }: TaskInput): Promise<never> => {
      if (task.outputs[0] === 'rung:b') return endless(order);
      await until(() => order.includes('encoding'));
      throw ApplicationFailure.nonRetryable('Frames are missing.', 'CorruptMedia');
    },
    removeOutputs: removing(order),
  };
  await withWorkers(fakes, async (prefix) => {
    const failure = await failureOf(await start(prefix, item({ kind: 'video' })));
    expect(failure).toMatchObject({ type: 'CorruptMedia', message: 'Frames are missing.' });
  });
  expect(order).toEqual(['encoding', 'cancelled', 'removed']);
}, 90_000);

test('a cancelled video ends when its steps have ended and its outputs are removed', async () => {
  const order: string[] = [];
  const fakes = {
    makeVideo: () => Promise.resolve(planned('a')),
    makeOutputs: () => endless(order),
    removeOutputs: removing(order),
  };
  await withWorkers(fakes, async (prefix) => {
    const handle = await start(prefix, item({ kind: 'video' }));
    await until(() => order.includes('encoding'));
    await handle.cancel();
    await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });
  expect(order).toEqual(['encoding', 'cancelled', 'removed']);
}, 90_000);

test.each([
  ['a video that its probe refuses', 'video', 'CorruptMedia', 0],
  ['an image that is refused', 'image', 'CorruptMedia', 0],
  ['an image that the system could not publish', 'image', 'EncoderFailed', 1],
] as const)('%s: outputs are looked for only where there may be some', async (_, kind, type, times) => {
  const order: string[] = [];
  const fail = (): Promise<never> => Promise.reject(ApplicationFailure.nonRetryable('No.', type));
  const fakes = { makeImage: fail, makeVideo: fail, removeOutputs: removing(order) };
  const failure = await withWorkers(fakes, async (prefix) => failureOf(await start(prefix, item({ kind }))));
  expect(failure).toMatchObject({ type, message: 'No.' });
  expect(order).toHaveLength(times);
});

test('an item ends as it would have ended where its outputs cannot be removed', async () => {
  const fakes = {
    makeVideo: () => Promise.resolve(planned('a')),
    makeOutputs: () => Promise.reject(ApplicationFailure.nonRetryable('Frames are missing.', 'CorruptMedia')),
    removeOutputs: () => Promise.reject(ApplicationFailure.nonRetryable('Refused.', 'OutputForbidden')),
  };
  const failure = await withWorkers(fakes, async (prefix) => failureOf(await start(prefix, item({ kind: 'video' }))));
  expect(failure).toMatchObject({ type: 'CorruptMedia', message: 'Frames are missing.' });
});

describe('a video whose source is replaced while it is processed', () => {
  const fakes = (order: string[], replacedIn: number) => {
    let version = 0;
    return {
      makeVideo: () => Promise.resolve(planned(`v${++version}`)),
      makeOutputs: (_item: WorkItem, { task }: TaskInput): Promise<object> => {
        const name = task.outputs[0]?.replace('rung:', '') ?? '';
        order.push(name);
        if (version > replacedIn) return Promise.resolve({ renditions: [{ name }] });
        return Promise.reject(ApplicationFailure.nonRetryable('The source was replaced.', 'SourceReplaced'));
      },
      publishOutputs: (_item: WorkItem, { results }: TaskInput): Promise<TaskResult> => {
        const renditions = Object.values(results).flatMap((result) => result.renditions);
        order.push(`published ${renditions.map(({ name }) => name).join()}`);
        return published();
      },
      removeOutputs: removing(order),
    };
  };

  test('begins anew from its probe', async () => {
    const order: string[] = [];
    await withWorkers(fakes(order, 1), async (prefix) => {
      const handle = await start(prefix, item({ kind: 'video' }));
      expect(await handle.result()).toEqual(done);
      const { steps, percent } = await handle.query<ItemProgress>('progress');
      expect(steps.map(({ name }) => name)).toEqual(['video', 'encode v2', 'publish']);
      expect(percent).toBe(100);
    });
    expect(order).toEqual(['v1', 'v2', 'published v2']);
  });

  test('is given up when that happens again and again', async () => {
    const order: string[] = [];
    const failure = await withWorkers(fakes(order, 9), async (prefix) =>
      failureOf(await start(prefix, item({ kind: 'video' }))),
    );
    expect(failure.type).toBe('SourceReplaced');
    expect(order).toEqual(['v1', 'v2', 'v3', 'removed']);
  });
});

test('items outlive a time without workers that is longer than every attempt limit', async () => {
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  const handles = await Promise.all([1, 2, 3].map(() => start(prefix, item({ attemptSeconds: 1 }))));
  // Only workflows are served, so the activities wait in their queue beyond three attempt limits.
  const workflows = await Worker.create({
    connection: native,
    taskQueue: taskQueue(prefix, 'workflows'),
    workflowBundle: { codePath: built('workflow-bundle.js') },
    sinks: { items: { ended: { fn: () => undefined } } },
  });
  await workflows.runUntil(async () => {
    await new Promise((resolve) => setTimeout(resolve, 3500));
    const images = await Worker.create({
      connection: native,
      taskQueue: taskQueue(prefix, 'image'),
      activities: { makeImage: () => Promise.resolve(done) },
    });
    await images.runUntil(async () => {
      for (const handle of handles) expect(await handle.result()).toEqual(done);
    });
  });
});

test('a later item of priority 1 overtakes a backlog', async () => {
  const order: number[] = [];
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  const workflows = await Worker.create({
    connection: native,
    taskQueue: taskQueue(prefix, 'workflows'),
    workflowBundle: { codePath: built('workflow-bundle.js') },
    sinks: { items: { ended: { fn: () => undefined } } },
  });
  await workflows.runUntil(async () => {
    const early = await Promise.all(Array.from({ length: 30 }, () => start(prefix, item({ priority: 5 }))));
    await until(async () => (await scheduled(early)) === 30);
    const late = await start(prefix, item({ priority: 1 }));
    await until(async () => (await scheduled([late])) === 1);
    const images = await Worker.create({
      connection: native,
      taskQueue: taskQueue(prefix, 'image'),
      maxConcurrentActivityTaskExecutions: 1,
      activities: {
        makeImage: (work: WorkItem) => {
          order.push(work.priority);
          return Promise.resolve(done);
        },
      },
    });
    await images.runUntil(Promise.all([...early, late].map((handle) => handle.result())));
  });
  expect(order).toHaveLength(31);
  // Right away, since the embedded server gives a queue one partition; with the server's default of four it came
  // between the third and the eighteenth, as each partition has its own order. A slow server may hand out a few before it has
  // put the late one into its order.
  expect(order.indexOf(1)).toBeLessThan(5);
});

/** How many of the workflows have their activity in the queue. */
async function scheduled(handles: WorkflowHandle[]): Promise<number> {
  const all = await Promise.all(handles.map((handle) => handle.describe()));
  return all.filter(({ raw }) => (raw.pendingActivities ?? []).length > 0).length;
}
