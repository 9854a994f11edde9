/** Real servers of each version that is at hand, with workers whose media work is replaced by what a test needs. */
import { randomUUID } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { ItemResult, WorkItem } from '../../common/contracts';
import { built } from '../../common/paths';
import { taskQueue, type Pool } from '../../common/pools';
import { startUnlessKnown } from '../../temporal/items/start';
import type { SubmitContext } from '../../starter/core/submit';
import { createStorage } from '../../storage';
import { startTestServer, type TestServer } from '../starter/server';
import { serversToTest } from '../support/temporal';
import { describeWhere } from '../support/only-where';

export type Fakes = Record<string, (...args: never[]) => Promise<unknown>>;

/** A server, and queues on it that only this test knows. */
export interface Control {
  server: TestServer;
  prefix: string;
  /** Of commands and services that use both. */
  env: NodeJS.ProcessEnv;
  /** What submitting and retrying needs. */
  context: SubmitContext;
  /** Submits an image, or what `over` says. @returns its workflow's id */
  submit(batchId: string, key: string, over?: Partial<WorkItem>): Promise<string>;
  /** Starts a worker of a pool; it ends with the test's file. @param slots activities at once */
  work(pool: Pool, fakes?: Fakes, slots?: number): Promise<void>;
}

export const done: ItemResult = { manifest: 'file:///m', bytesIn: 10, bytesOut: 5, renditions: 1 };

/** Stands in for media work: the first attempt on an item does what the item's name says, any other is done at once. */
export interface StandIn {
  /** Item keys in the order in which work on them began. */
  began: string[];
  /** Ends the work on an item that holds its slot, by its key. */
  release: Map<string, () => void>;
  /**
   * `hold…` and `run…` keep their slot until they are released or told to give up; `retry…` waits an hour for its second
   * attempt; `long…` takes a moment, so that something can come in between.
   */
  makeImage(item: WorkItem): Promise<object>;
}

export function standIn(): StandIn {
  const began: string[] = [];
  const release = new Map<string, () => void>();
  return {
    ...{ began, release },
    async makeImage({ itemKey }) {
      const context = Context.current();
      const isFirst = !began.includes(itemKey);
      began.push(itemKey);
      if (itemKey.startsWith('long')) await context.sleep(200);
      if (itemKey.startsWith('retry') && isFirst) {
        throw ApplicationFailure.create({ message: 'away', type: 'StorageUnavailable', nextRetryDelay: '1h' });
      }
      if (!/^(hold|run)/.test(itemKey) || !isFirst) return done;
      const beat = setInterval(() => context.heartbeat(), 500);
      const released = new Promise<void>((resolve) => release.set(itemKey, resolve));
      await Promise.race([released, context.cancelled]).finally(() => clearInterval(beat));
      return done;
    },
  };
}

/**
 * Runs the tests on each of the servers that the project is tested on, each with a server of its own. DARKROOM_TEST_SERVER
 * narrows them to one version.
 */
export function describeOnServers(name: string, tests: (control: () => Control) => void): void {
  for (const { version, program } of serversToTest()) {
    const reason = `there is no program of Temporal ${version}: node scripts/setup.mjs --tests fetches it`;
    describeWhere(program !== undefined, reason)(`${name}, on Temporal ${version}`, () => {
      let control: Control & { close(): Promise<void> };
      beforeAll(async () => void (control = await start(program)), 60_000);
      afterAll(() => control.close());
      tests(() => control);
    });
  }
}

let isInstalled = false;

async function start(program: string | undefined): Promise<Control & { close(): Promise<void> }> {
  if (!isInstalled) Runtime.install({ logger: new DefaultLogger('ERROR'), workerHeartbeatInterval: '1s' });
  isInstalled = true;
  const server = await startTestServer(false, program);
  const native = await NativeConnection.connect({ address: server.config.temporalAddress });
  const prefix = `t-${randomUUID().slice(0, 8)}`;
  const storage = createStorage(server.config);
  const context = { client: server.client, storage, queuePrefix: prefix };
  const running: { worker: Worker; ended: Promise<void> }[] = [];
  return {
    ...{ server, prefix, context },
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: server.config.temporalAddress,
      DARKROOM_HOME: server.folder,
      DARKROOM_QUEUE_PREFIX: prefix,
      DARKROOM_ALLOWED_ROOTS: server.folder,
    },
    async submit(batchId, itemKey, over) {
      await startUnlessKnown(context, { ...item(batchId, itemKey), ...over });
      return `${batchId}/${itemKey}`;
    },
    async work(pool, fakes = {}, slots = 1) {
      const worker = await Worker.create({
        ...{ connection: native, taskQueue: taskQueue(prefix, pool), maxConcurrentActivityTaskExecutions: slots },
        ...(pool === 'workflows'
          ? {
              workflowBundle: { codePath: built('workflow-bundle.js') },
              sinks: { items: { ended: { fn: () => undefined } } },
              activities: { removeOutputs: () => Promise.resolve(), ...fakes },
            }
          : { activities: fakes }),
      });
      running.push({ worker, ended: worker.run() });
    },
    async close() {
      for (const { worker } of running) worker.shutdown();
      await Promise.all(running.map(({ ended }) => ended));
      await native.close();
      storage.close();
      await server.close();
    },
  };
}

function item(batchId: string, itemKey: string): WorkItem {
  return {
    ...{ batchId, itemKey, kind: 'image', source: 'file:///nowhere/a.jpg', output: `file:///nowhere/${itemKey}` },
    ...{ preset: { name: 'p', video: { audio: 'drop', rungs: [] } }, recipe: '0000000000' },
    ...{ priority: 3, tenant: 'default' },
  };
}
