import { isOptionalPool, POOL_NAMES, POOLS, taskQueue } from '../../common/pools';
import { missingSearchAttributes, namespaceOf } from '../../temporal/connect';
import { createStorage } from '../../storage';
import { accepts } from '../../local/embedded/probe';
import { listedText, listedWorkers } from '../../temporal/listed-workers';
import { broken, missing, ok, optional, type Check, type Context } from './types';

/** Of the server: queues of workflow tasks, and of activities. */
const QUEUE_TYPES = { workflows: 1, media: 2 } as const;

/** What answers over the network. */
export const serviceChecks: Check[] = [
  {
    name: 'Temporal server',
    run: async ({ address, configured, connection, config }) => {
      if (connection === undefined) {
        if (configured) return missing(`nothing answers at ${address}`, 'Start it, or correct TEMPORAL_ADDRESS');
        if (await accepts(address)) {
          return broken(`something else holds ${address}`, 'Free the port, or set DARKROOM_TEMPORAL_PORT');
        }
        return optional(`not running at ${address}; npm run start-batch and npm run dev start it`);
      }
      const { serverVersion } = await connection.workflowService.getSystemInfo({});
      return ok(`${address}, server ${serverVersion}${config.temporalUiUrl ? `, ${config.temporalUiUrl}` : ''}`);
    },
  },
  whenConnected('Temporal namespace', async ({ connection, namespace }) => {
    await connection.workflowService.describeNamespace({ namespace });
    return ok(namespace);
  }),
  whenConnected('search attributes', async ({ connection, namespace }) => {
    const lacking = await missingSearchAttributes(connection, namespace);
    if (lacking.length === 0) return ok('registered');
    return missing(lacking.join(', '), 'npm run start-batch or npm run worker registers them');
  }),
  ...POOL_NAMES.map((pool) =>
    whenConnected(`${pool} workers`, async ({ connection, namespace, config, configured }) => {
      const name = taskQueue(config.queuePrefix, pool);
      const { pollers } = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name },
        taskQueueType: QUEUE_TYPES[POOLS[pool].carries],
      });
      const count = new Set(pollers?.map((poller) => poller.identity)).size;
      if (count > 0) {
        const listed = await listedWorkers(connection, namespace, name, POOLS[pool].carries);
        return ok(`${count} on ${name}${listedText(listed)}`);
      }
      if (isOptionalPool(pool)) return optional(`none polls ${name}; presets with analyse need one (docs/models.md)`);
      if (configured) return missing(`none polls ${name}`, `Start one: DARKROOM_POOLS=${pool} npm run worker`);
      return optional(`none polls ${name}; npm run start-batch starts one`);
    }),
  ),
  {
    name: 'S3',
    run: async ({ config }) => {
      if (config.allowedBuckets.length === 0) return optional('no bucket is allowed (DARKROOM_ALLOWED_BUCKETS)');
      const storage = createStorage(config);
      try {
        for (const bucket of config.allowedBuckets) {
          // One entry is enough to know that address, credentials and bucket fit together.
          for await (const _ of storage.list(`s3://${bucket}/`)) break;
        }
      } finally {
        storage.close();
      }
      return ok(`${config.allowedBuckets.join(', ')} at ${config.s3Endpoint ?? 'AWS'}`);
    },
  },
];

type Connected = Context & { connection: NonNullable<Context['connection']>; namespace: string };

/** A check that makes sense only where a server answers. */
function whenConnected(name: string, run: (context: Connected) => Promise<ReturnType<typeof ok>>): Check {
  return {
    name,
    run: (context) => {
      const { connection } = context;
      if (connection === undefined) return optional('no server to ask');
      return run({ ...context, connection, namespace: namespaceOf(context.config) });
    },
  };
}
