/**
 * A worker of `npm run bench:models`: `models <prefix>` serves the queues of models, as the worker of the pool does, with
 * stand-ins for the models; `workflows <prefix>` runs the workflows. Prints its events, one JSON object a line.
 */
import { Context } from '@temporalio/activity';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Activities } from '../../activities';
import { findModel, type Miss } from '../../activities/find-model';
import type { AnalysisInput } from '../../activities/analyse';
import { loadConfig } from '../../common/config';
import type { WorkItem } from '../../common/contracts';
import { createLogger } from '../../common/logger';
import { createMetrics } from '../../common/metrics';
import type { ModelName } from '../../common/models';
import { built } from '../../common/paths';
import { taskQueue } from '../../common/pools';
import { ModelHost } from '../../models/host';
import { connectionOptions, namespaceOf } from '../../temporal/connect';
import { warmQueuesOf } from '../../workers/model-workers';
import { createPoolWorkers } from '../../workers/pools';
import type { ScratchRoom } from '../../workers/scratch/room';
import { planSlots } from '../../workers/slots';
import { BUDGET_BYTES, LOAD_SECONDS, NEEDS } from './figures';

const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
/** Nothing of the bench touches a disk. */
const ROOM = { wait: () => Promise.resolve(), state: { ok: true } } as unknown as ScratchRoom;

async function main(role: string): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const config = loadConfig();
  const logger = createLogger(config, 'bench');
  const connection = await NativeConnection.connect(connectionOptions(config));
  const workers = role === 'models' ? await modelWorkers() : [await workflowWorker()];
  process.on('SIGTERM', () => workers.forEach((worker) => worker.shutdown()));
  say({ type: 'ready' });
  await Promise.all(workers.map((worker) => worker.run()));

  async function modelWorkers(): Promise<Worker[]> {
    const models = new ModelHost({
      ...{ budgetBytes: BUDGET_BYTES, pinned: [], slots: 1, timeoutMs: 60_000, needs: NEEDS, onEvent: say },
      runtime: { providers: ['cpu'], threads: 1 },
      entry: built('bench/models/stand-in.js'),
    });
    const analyse = (_item: WorkItem, { model, askedAt }: AnalysisInput) => {
      const task = { input: '', limits: { maxPixels: 1, maxFrames: 1 }, allowSvg: false };
      const begun = (): void => say({ type: 'begun', model, waitMs: Date.now() - askedAt });
      return models.run(model, task, Context.current().cancellationSignal, begun);
    };
    const made = await createPoolWorkers('models', {
      ...{ config, connection, models, room: ROOM, metrics: createMetrics('worker') },
      slots: { ...planSlots(config), models: 1 },
      activities: { analyse } as unknown as Activities,
      modelNames: Object.keys(NEEDS) as ModelName[],
    });
    return made.map(({ worker }) => worker);
  }

  function workflowWorker(): Promise<Worker> {
    const warmQueues = warmQueuesOf(connection, config, () => LOAD_SECONDS);
    return Worker.create({
      ...{ connection, namespace: namespaceOf(config), taskQueue: taskQueue(config.queuePrefix, 'workflows') },
      workflowsPath: built('bench/models/workflows.js'),
      activities: {
        findModel: (model: ModelName, missed?: Miss) => findModel({ warmQueues, logger }, model, missed),
      },
    });
  }
}

main(process.argv[2] ?? '').then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
