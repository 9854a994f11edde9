/** Worker versions on a real server: two builds at once, each with workers for every pool; only the media work is replaced. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundle,
} from '@temporalio/worker';
import { type WorkItem } from '../../common/contracts';
import { taskQueue, type Pool } from '../../common/pools';
import { built } from '../../common/paths';
import { replayRecent } from '../../operate/rollout/replay';
import { probeBuild } from '../../operate/rollout/probe';
import { rollOut, RolledBack, type RolloutOptions } from '../../operate/rollout/roll-out';
import { WorkerVersions } from '../../operate/rollout/versions';
import { createStorage } from '../../storage';
import { startStack, until, type Stack } from '../support/stack';

const CLOCKS = ['VisibilityGracePeriod', 'RefreshInterval'].map(
  (name) => `matching.wv.VersionDrainageStatus${name}="1s"`,
);

// A busy machine needs it; alone a test takes 3 to 20 s.
jest.setTimeout(180_000);

let stack: Stack;
let native: NativeConnection;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  stack = await startStack({}, CLOCKS);
  native = await NativeConnection.connect({ address: stack.config.temporalAddress });
});
afterAll(async () => {
  await native.close();
  await stack.stop();
});

function item(): WorkItem {
  return {
    batchId: `b-${randomUUID().slice(0, 8)}`,
    itemKey: randomUUID(),
    kind: 'image',
    source: 'file:///nowhere/a.jpg',
    output: 'file:///nowhere/out',
    preset: { name: 'p', video: { audio: 'drop', rungs: [] } },
    recipe: '0000000000',
    priority: 3,
    tenant: 'default',
  };
}

/** A worker deployment of its own, on queues of its own. */
class Deployment {
  readonly name = `d-${randomUUID().slice(0, 8)}`;
  readonly versions = new WorkerVersions(stack.client, this.name);
  readonly said: string[] = [];
  /** Items that came during a rollout. */
  readonly came: WorkflowHandle[] = [];
  readonly probes: WorkItem[] = [];
  private readonly workers: Worker[] = [];
  private readonly running: Promise<void>[] = [];

  /** Starts workers of a build for every pool. */
  async build(buildId: string, makeImage: () => Promise<unknown>, bundle?: WorkflowBundle): Promise<void> {
    for (const pool of ['workflows', 'image', 'video'] as const) {
      const worker = await Worker.create({
        connection: native,
        taskQueue: taskQueue(this.name, pool),
        workerDeploymentOptions: {
          version: { deploymentName: this.name, buildId },
          useWorkerVersioning: true,
          defaultVersioningBehavior: 'PINNED',
        },
        ...this.serves(pool, makeImage, bundle),
      });
      this.workers.push(worker);
      this.running.push(worker.run());
    }
  }

  private serves(pool: Pool, makeImage: () => Promise<unknown>, bundle: WorkflowBundle | undefined) {
    if (pool !== 'workflows') return { activities: { makeImage } };
    const sinks = { items: { ended: { fn: () => undefined } } };
    // What fails leaves outputs behind, which an activity of this pool removes.
    const activities = { removeOutputs: () => Promise.resolve() };
    return { workflowBundle: bundle ?? { codePath: built('workflow-bundle.js') }, sinks, activities };
  }

  start(): Promise<WorkflowHandle> {
    const work = item();
    return stack.client.workflow.start('processImage', {
      taskQueue: taskQueue(this.name, 'workflows'),
      workflowId: `${this.name}/${work.itemKey}`,
      args: [work],
    });
  }

  /** Starts items all the while that something else goes on. */
  async whileItemsCome<T>(task: Promise<T>): Promise<T> {
    let over = false;
    const ended = task.finally(() => (over = true));
    ended.catch(() => undefined);
    while (!over) {
      this.came.push(await this.start());
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    return ended;
  }

  rollOut(
    buildId: string,
    more: Partial<RolloutOptions> = {},
    replay: () => Promise<unknown> = () => Promise.resolve(),
  ) {
    const options: RolloutOptions = {
      buildId,
      ramps: [50],
      items: 5,
      windowMs: 30_000,
      tolerated: 0.1,
      queues: [`${this.name}-workflows/workflow`, `${this.name}-image/activity`, `${this.name}-video/activity`],
      readyMs: 20_000,
      drainMs: 30_000,
      ...more,
    };
    const say = (line: string): void => void this.said.push(line);
    const context = { client: stack.client, storage: createStorage(stack.config), queuePrefix: this.name };
    const probe = (until: AbortSignal): Promise<void> => {
      this.probes.push(item(), item());
      return probeBuild({ ...context, pinnedTo: { deploymentName: this.name, buildId } }, this.probes.slice(-2), until);
    };
    return rollOut(options, { ...context, versions: this.versions, replay, probe, say, pollMs: 200 });
  }

  /** How the items of the last probe ended. */
  async ends(): Promise<string[]> {
    const runs = this.probes.slice(-2).map(({ batchId, itemKey }) => `${batchId}/${itemKey}`);
    return Promise.all(runs.map(async (id) => (await stack.client.workflow.getHandle(id).describe()).status.name));
  }

  /** The build that an item ended on. */
  async buildOf(handle: WorkflowHandle): Promise<string | undefined> {
    await handle.result().catch(() => undefined);
    const { raw } = await handle.describe();
    return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) worker.shutdown();
    await Promise.all(this.running);
  }
}

async function withDeployment(body: (deployment: Deployment) => Promise<void>): Promise<void> {
  const deployment = new Deployment();
  try {
    await body(deployment);
  } finally {
    await deployment.stop();
  }
}

const fine = (): Promise<unknown> =>
  Promise.resolve({ manifest: 'm', bytesIn: 1, bytesOut: 1, renditions: 1, skipped: false });
const broken = (): Promise<unknown> =>
  Promise.reject(ApplicationFailure.nonRetryable('the disk is upside down', 'Broken'));

/** What the server retries for days, since a store may come back. */
const noStore = (): Promise<unknown> => Promise.reject(ApplicationFailure.retryable('no store', 'StorageUnavailable'));

/** Two samples go well, as those of the probe do; then what users send does not. */
function afterTheProbe(then: () => Promise<unknown>): () => Promise<unknown> {
  let samples = 2;
  return () => (samples-- > 0 ? fine() : then());
}

test('the first build is current at once; the next one by a ramp, and the first is drained after its last item', async () => {
  await withDeployment(async (deployment) => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let held = 0;
    const heldOnce = () => (held++ === 0 ? gate.then(fine) : fine());
    await deployment.build('one', afterTheProbe(heldOnce));
    await deployment.rollOut('one');
    expect(await deployment.versions.routing()).toEqual({ current: 'one', ramping: undefined });
    const slow = await deployment.start();
    await until(() => held === 1);

    await deployment.build('two', fine);
    await deployment.whileItemsCome(deployment.rollOut('two', { drainMs: 0 }));
    expect(await deployment.versions.routing()).toEqual({ current: 'two', ramping: undefined });
    expect(deployment.said).toContainEqual(expect.stringContaining('one is not drained yet'));
    expect(await deployment.buildOf(await deployment.start())).toBe('two');

    open();
    expect(await deployment.buildOf(slow)).toBe('one');
    await until(() => deployment.versions.isDrained('one'), 300);
  });
});

test('a build whose first results are bad gets no more items, and says why', async () => {
  await withDeployment(async (deployment) => {
    await deployment.build('good', fine);
    await deployment.rollOut('good');
    await deployment.build('bad', afterTheProbe(broken));
    const outcome = deployment.whileItemsCome(deployment.rollOut('bad'));
    await expect(outcome).rejects.toThrow(
      /bad was taken back: \d+ good, [1-9]\d* failed, 0 stuck \(.+\)\. New items go to good again/,
    );
    expect(await deployment.versions.routing()).toEqual({ current: 'good', ramping: undefined });
    await until(async () => (await deployment.buildOf(await deployment.start())) === 'good');
  });
});

test('items that try a step again and again on a bad build go on on the good one', async () => {
  await withDeployment(async (deployment) => {
    await deployment.build('good', fine);
    await deployment.rollOut('good');
    await deployment.build('astray', afterTheProbe(noStore));
    await expect(deployment.whileItemsCome(deployment.rollOut('astray'))).rejects.toThrow(/[1-9] stuck \(.*no store/);
    await Promise.all(deployment.came.map((handle) => handle.result()));
  });
});

test('a build that is broken is refused while no item comes, by samples that only it may process', async () => {
  await withDeployment(async (deployment) => {
    await deployment.build('first', broken);
    await expect(deployment.rollOut('first')).rejects.toThrow(
      /first got no item: samples .* InternalError: .*Darkroom\. What/,
    );
    expect(await deployment.versions.routing()).toEqual({ current: undefined, ramping: undefined });

    await deployment.build('good', fine);
    await deployment.rollOut('good');
    await deployment.build('bad', broken);
    await expect(deployment.rollOut('bad')).rejects.toThrow(
      /bad got no item: .* InternalError: .* good goes on as before/,
    );
    await deployment.build('astray', noStore);
    await expect(deployment.rollOut('astray')).rejects.toThrow(/astray got no item: samples .* no store/);
    // Or they would wait for days for a build whose pods go.
    expect(await deployment.ends()).toEqual(['TERMINATED', 'TERMINATED']);
    expect(await deployment.versions.routing()).toEqual({ current: 'good', ramping: undefined });
  });
});

test('a build whose workflows do not even begin is refused in the same way, and items that come lose nothing', async () => {
  await withDeployment(async (deployment) => {
    await deployment.build('good', fine);
    await deployment.rollOut('good');
    // Any file that exports no such workflow.
    const bundle = await bundleWorkflowCode({ workflowsPath: built('common/contracts.js') });
    await deployment.build('empty', fine, bundle);
    const outcome = deployment.whileItemsCome(deployment.rollOut('empty'));
    await expect(outcome).rejects.toThrow(/empty got no item: samples .* did not complete: /);
    await Promise.all(deployment.came.map((handle) => handle.result()));
    expect(await deployment.versions.routing()).toEqual({ current: 'good', ramping: undefined });
  });
});

test('with no item during its steps, a build that has processed its samples becomes current, and the log says by what', async () => {
  await withDeployment(async (deployment) => {
    await deployment.build('one', fine);
    await deployment.rollOut('one');
    await deployment.build('two', fine);
    await deployment.rollOut('two', { windowMs: 500, drainMs: 0 });
    expect(await deployment.ends()).toEqual(['COMPLETED', 'COMPLETED']);
    expect(deployment.said).toContain('no item came; the probe items stand for them');
    expect(await deployment.versions.routing()).toEqual({ current: 'two', ramping: undefined });
  });
});

test('a build that fails the replay, or whose workers do not come, gets no item at all', async () => {
  await withDeployment(async (deployment) => {
    await deployment.build('good', fine);
    await deployment.rollOut('good');
    await deployment.build('other', fine);
    const misfit = deployment.rollOut('other', {}, () => Promise.reject(new Error('the history of x does not replay')));
    await expect(misfit).rejects.toThrow(
      /other got no item: the history of x does not replay.* good goes on as before/,
    );
    await expect(deployment.rollOut('absent', { readyMs: 0 })).rejects.toThrow(RolledBack);
    expect(await deployment.versions.routing()).toEqual({ current: 'good', ramping: undefined });
  });
});

test('histories of the namespace replay on this build', async () => {
  expect(await replayRecent(stack.client, stack.config, 10)).toBeGreaterThan(0);
});
