import { isBackedUp, type Evidence, type Finding, type Limits, type QueueEvidence, type Rule } from '../types';
import { people, server, start, waits } from './workers';

/** A limit binds from this share of it on: the server's rate is an average over half a minute. */
const BINDING_SHARE = 0.5;
/** Tasks per second below which nothing flows. */
const STILL_RATE = 0.05;

/** Queues that are served, only not fast enough. */
export const capacityRules: Rule[] = [
  (evidence, limits) =>
    served(evidence, limits).flatMap((queue) => {
      const { limit, name, dispatchRate } = queue;
      if (limit === undefined || !binds(queue)) return [];
      const finding: Finding = {
        cause: 'rate-limit',
        queue: name,
        evidence: [
          waits(queue),
          `${name} is limited to ${rate(limit.perSecond)} tasks/s by ${limit.by === 'api' ? "the queue's own configuration" : 'its workers'}`,
          `${rate(dispatchRate)} tasks/s are dispatched${slotsText(queue)}`,
        ],
        mend:
          limit.by === 'api'
            ? [
                `temporal task-queue config set --task-queue ${name} --task-queue-type ${queue.pool === 'workflows' ? 'workflow' : 'activity'} --queue-rps-limit default`,
              ]
            : ['Raise maxTaskQueueActivitiesPerSecond of the workers of this queue, or leave it out, and restart them'],
      };
      return [finding];
    }),
  (evidence, limits) =>
    served(evidence, limits)
      .filter((queue) => !binds(queue))
      .map((queue): Finding => {
        const { dispatchRate, waiting, workers, slots, running } = queue;
        // A free slot at this moment means nothing while work flows: short steps come and go between two looks.
        const idle = slots !== undefined && slots.free > 0 && dispatchRate < STILL_RATE;
        const drain = dispatchRate > 0 ? `, so that the rest takes ${duration(waiting / dispatchRate)}` : '';
        return {
          cause: idle ? 'unexplained' : 'too-few-slots',
          queue: queue.name,
          evidence: [
            waits(queue),
            `${people(workers)} serves it${slots === undefined ? `; ${running} steps of the items that were looked at run` : slotsText(queue)}`,
            `${rate(dispatchRate)} tasks/s are dispatched${drain}`,
          ],
          mend: idle ? ['Look at the log of the workers and at `npm run monitor`'] : scale(queue, evidence),
        };
      }),
];

function served({ queues }: Evidence, limits: Limits): QueueEvidence[] {
  return queues.filter((queue) => isBackedUp(queue, limits) && queue.workers.length > 0);
}

/** True where the limit, and not the work itself, sets the pace. */
function binds({ limit, dispatchRate, slots, running, waiting }: QueueEvidence): boolean {
  if (limit === undefined || slots?.free === 0) return false;
  // Work waits for longer than the limit alone explains, and nobody has anything to do.
  const isIdle = running === 0 && waiting > limit.perSecond;
  return isIdle || dispatchRate >= limit.perSecond * BINDING_SHARE;
}

function scale(queue: QueueEvidence, evidence: Evidence): string[] {
  const commands = [`${start(queue, evidence)}   # one more, on a machine with free cores`];
  if (queue.pool !== 'workflows') {
    const slots = `DARKROOM_${queue.pool.toUpperCase()}_SLOTS=N`;
    commands.push(`${server(evidence)}${slots} npm run worker   # more at once, where cores idle`);
  }
  return [
    ...commands,
    `kubectl scale deployment -l app.kubernetes.io/name=darkroom,darkroom/pool=${queue.pool} --replicas=N   # in a cluster without KEDA`,
  ];
}

function slotsText({ slots }: QueueEvidence): string {
  return slots === undefined ? '' : `; ${slots.used} of ${slots.used + slots.free} slots are used`;
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(perSecond < 1 ? 2 : 1) : String(Math.round(perSecond));
}

function duration(seconds: number): string {
  return seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
