import { z } from 'zod';
import { isOptionalPool, POOL_NAMES, POOLS } from '../../../common/pools';
import { examineBacklog } from '../../backlog';
import { CAUSES, DEFAULT_LIMITS, type Evidence, type Finding } from '../../backlog/types';
import { listedWorkers } from '../../../temporal/listed-workers';
import { namespaceOf } from '../../../temporal/connect';
import { shared } from '../../queue-metrics';
import { countPausedByKind } from '../../queue-metrics/sample';
import type { App } from '../app-type';
import { requireOperator } from '../guard/auth';
import { failures } from '../http/route-docs';
import type { Service } from '../service';

/** A look costs some dozens of requests: everybody who asks within this time gets the same one, ms. */
const FRESH_MS = 5_000;
/** Figures of workers that the server lists come with a limit of their own, ms. */
const LIMIT_MS = 5_000;

const queue = z.object({
  name: z.string().describe('Name of the task queue'),
  pool: z.enum(POOL_NAMES).describe('Pool that the queue belongs to'),
  waiting: z.int().describe('Tasks that no worker has taken yet'),
  oldestSeconds: z.number().optional().describe('Seconds that the oldest of them has waited; absent: nothing waits'),
  workers: z.int().describe('Workers that asked for work lately, or that run something'),
  running: z.int().optional().describe('Tasks that run now; absent: not known'),
  slots: z.int().optional().describe('Tasks that all workers together can run at once; absent: not known'),
  perSecond: z.number().describe('Tasks given to workers per second, averaged over about 30 s'),
});
const finding = z.object({
  cause: z.enum(Object.keys(CAUSES) as [string, ...string[]]).describe('Name of the cause, for programs'),
  title: z.string().describe('The cause, in words'),
  queue: z.string().optional().describe('The task queue that the cause holds back; absent: all of them'),
  evidence: z.array(z.string()).describe('What was measured, a line each'),
  mend: z.array(z.string()).describe('Commands and steps that remove the cause'),
});
export const queuesAnswer = z.object({
  at: z.string().describe('When the queues were looked at (ISO 8601)'),
  open: z.int().optional().describe('Items open now; absent: Temporal does not answer'),
  paused: z.int().optional().describe('Of the open items, those that are paused; absent: not known'),
  queues: z.array(queue).describe('One entry a task queue; empty: Temporal does not answer'),
  findings: z.array(finding).describe('Why work waits, as `npm run doctor -- backlog` finds; empty: it does not'),
});
type Answer = z.output<typeof queuesAnswer>;

/** The queues and what holds them back, by the rules of the doctor. They serve all tenants, so the route is for operators. */
export function queueRoutes(app: App, service: Service): void {
  // The doctor's second look at running steps, 12 s after the first, is left to its command: a page does not wait for it.
  const fresh = shared(() => look(service), FRESH_MS);
  app.get(
    '/v1/queues',
    {
      schema: {
        tags: ['Maintenance'],
        summary: 'Task queues with their workers and slots, and why work waits',
        response: { 200: queuesAnswer, ...failures(401, 403) },
      },
    },
    ({ principal }) => {
      requireOperator(principal);
      return fresh();
    },
  );
}

async function look(service: Service): Promise<Answer> {
  const { evidence, findings } = await examineBacklog(service.config, DEFAULT_LIMITS, 0);
  const at = new Date().toISOString();
  const said = findings.map(sayFinding);
  if (evidence.temporal.error !== undefined) return { at, queues: [], findings: said };
  const [paused, queues] = await Promise.all([
    countPaused(service),
    Promise.all(evidence.queues.filter(isInUse).map((each) => viewOf(service, each, evidence))),
  ]);
  return { at, open: evidence.open, paused, queues, findings: said };
}

function sayFinding({ cause, ...rest }: Finding): Answer['findings'][number] {
  return { cause, title: CAUSES[cause], ...rest };
}

type QueueEvidence = Evidence['queues'][number];

/** Every queue of a standard pool, and the others where somebody serves or fills them. */
function isInUse({ pool, workers, waiting }: QueueEvidence): boolean {
  return !isOptionalPool(pool) || workers.length > 0 || waiting > 0;
}

async function viewOf(
  service: Service,
  seen: QueueEvidence,
  { open, lookedAt }: Evidence,
): Promise<Answer['queues'][number]> {
  const { name, pool, waiting, oldestSeconds, workers, dispatchRate } = seen;
  const slots = await slotsOf(service, seen);
  const counted = pool !== 'workflows' && lookedAt >= open ? seen.running : undefined;
  return {
    ...{ name, pool, waiting, workers: workers.length, perSecond: dispatchRate },
    ...(waiting > 0 && { oldestSeconds }),
    running: slots?.used ?? counted,
    slots: slots?.all,
  };
}

/** Asked of the workers themselves where this machine reaches all of them, else of a server that lists workers. */
async function slotsOf(service: Service, { name, pool, slots, workers }: QueueEvidence) {
  if (slots !== undefined) return { used: slots.used, all: slots.used + slots.free };
  if (workers.length === 0) return { used: 0, all: 0 };
  const { connection, config } = service;
  const ask = () => listedWorkers(connection, namespaceOf(config), name, POOLS[pool].carries);
  const listed = await connection.withDeadline(Date.now() + LIMIT_MS, ask).catch(() => undefined);
  return listed !== undefined && listed.count >= workers.length ? listed.slots : undefined;
}

async function countPaused({ connection, config }: Service): Promise<number | undefined> {
  const scope = { connection, namespace: namespaceOf(config), queuePrefix: config.queuePrefix };
  const ask = () => countPausedByKind(scope);
  const counts = await connection.withDeadline(Date.now() + LIMIT_MS, ask).catch(() => ({}));
  const known = Object.values(counts);
  return known.length === 0 ? undefined : known.reduce((sum, each) => sum + each, 0);
}
