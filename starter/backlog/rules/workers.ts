import { queuePrefix } from '../../../common/pools';
import { isBackedUp, type Evidence, type Limits, type QueueEvidence, type Rule } from '../types';

/** Queues that hold work and that nobody serves. */
export const workerRules: Rule[] = [
  (evidence, limits) =>
    unserved(evidence, limits).flatMap((queue) => {
      const stray = strayFor(queue, evidence);
      if (stray === undefined) return [];
      const [filled, polled] = [prefixOf(queue), prefixOf({ name: stray.name, pool: queue.pool })];
      return {
        cause: 'misnamed-queue' as const,
        queue: queue.name,
        evidence: [
          waits(queue),
          `no worker asks for work of ${queue.name}`,
          `${people(stray.workers)} asks for work of ${stray.name}, which nobody fills`,
        ],
        mend:
          polled === undefined || polled === filled
            ? [`Have the worker poll ${queue.name} instead of ${stray.name}`]
            : filled === evidence.queuePrefix
              ? [`${server(evidence)}DARKROOM_QUEUE_PREFIX=${filled} npm run worker   # that worker has ${polled}`]
              : [
                  `DARKROOM_QUEUE_PREFIX=${polled} on whatever submits; it has ${filled}`,
                  `${server(evidence)}DARKROOM_QUEUE_PREFIX=${filled} npm run worker   # serves what waits there already`,
                ],
      };
    }),
  (evidence, limits) =>
    unserved(evidence, limits).map((queue) => ({
      cause: 'no-workers',
      queue: queue.name,
      evidence: [waits(queue), `no worker asks for work of ${queue.name}`, ...queue.gone.map(farewell)],
      mend: [
        start(queue, evidence),
        `kubectl get deployments,scaledobjects -l app.kubernetes.io/name=darkroom   # in a cluster`,
      ],
    })),
];

function farewell(worker: string): string {
  return `${worker} has stopped asking for work and runs none of the items that were looked at; probably dead`;
}

function unserved({ queues }: Evidence, limits: Limits): QueueEvidence[] {
  return queues.filter((queue) => isBackedUp(queue, limits) && queue.workers.length === 0);
}

/** A queue of the same pool that is polled in vain; else one whose name tells no pool. */
function strayFor(queue: QueueEvidence, { strays }: Evidence): Evidence['strays'][number] | undefined {
  const samePool = strays.find(({ name }) => name.endsWith(`-${queue.pool}`));
  return samePool ?? strays.find(({ name }) => !/-(workflows|image|video)$/.test(name));
}

function prefixOf({ name, pool }: Pick<QueueEvidence, 'name' | 'pool'>): string | undefined {
  return name.endsWith(`-${pool}`) ? name.slice(0, -pool.length - 1) : undefined;
}

/** `12 tasks wait on darkroom-image, the oldest for 40 s` */
export function waits({ waiting, name, oldestSeconds }: QueueEvidence): string {
  const tasks = waiting === 1 ? '1 task waits' : `${waiting} tasks wait`;
  return `${tasks} on ${name}, the oldest for ${Math.round(oldestSeconds)} s`;
}

/** `one worker (4711@host)` */
export function people(workers: string[]): string {
  const names = workers.slice(0, 3).join(', ') + (workers.length > 3 ? ', …' : '');
  return `${workers.length === 1 ? 'one worker' : `each of ${workers.length} workers`} (${names})`;
}

/** Where nobody has named a server, a worker must be told where the embedded one listens. */
export function server({ temporal }: Evidence): string {
  return temporal.embedded ? `TEMPORAL_ADDRESS=${temporal.address} ` : '';
}

/** The command that starts one more worker for the queue. */
export function start({ name, pool }: QueueEvidence, evidence: Evidence): string {
  const prefix = pool === 'workflows' ? queuePrefix(name) : name.slice(0, -pool.length - 1);
  const other = prefix === evidence.queuePrefix ? '' : `DARKROOM_QUEUE_PREFIX=${prefix} `;
  return `${server(evidence)}${other}DARKROOM_POOLS=${pool} npm run worker`;
}
