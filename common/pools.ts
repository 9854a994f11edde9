/**
 * The one table of pools. A pool is a task queue with the workers that serve it; its name is the queue's suffix, a value of
 * DARKROOM_POOLS and a label of metrics. Free of Node, since workflows import it.
 */
interface PoolRow {
  /** What the queue carries: workflow tasks, or activities that work on media and take a slot each. */
  readonly carries: 'workflows' | 'media';
  /** What one slot does, for the documentation of the slots' variable. */
  readonly slot: string;
  /** Served where DARKROOM_POOLS names it: it needs more than the packages of Darkroom. */
  readonly optional?: boolean;
}

export const POOLS = {
  workflows: { carries: 'workflows', slot: 'decides what comes next' },
  image: { carries: 'media', slot: 'makes one image' },
  video: { carries: 'media', slot: 'runs one step of a video, or makes one audio file' },
  models: { carries: 'media', slot: 'runs one model on one picture', optional: true },
} as const satisfies Record<string, PoolRow>;

export type Pool = keyof typeof POOLS;
/** Pools whose activities work on media. */
export type MediaPool = { [Name in Pool]: (typeof POOLS)[Name]['carries'] extends 'media' ? Name : never }[Pool];

export const POOL_NAMES = Object.keys(POOLS) as Pool[];
export const MEDIA_POOLS = POOL_NAMES.filter(isMediaPool);

/** Needs a set-up of its own: a worker serves the pool only where DARKROOM_POOLS names it. */
export function isOptionalPool(pool: Pool): boolean {
  const { optional = false }: PoolRow = POOLS[pool];
  return optional;
}

/** Pools that every installation has. */
export const STANDARD_POOLS = POOL_NAMES.filter((pool) => !isOptionalPool(pool));

export function isMediaPool(pool: Pool): pool is MediaPool {
  return POOLS[pool].carries === 'media';
}

/** Name of a pool's task queue. Tests, and tenants with hardware of their own, use another prefix. */
export function taskQueue(prefix: string, pool: Pool): string {
  return `${prefix}-${pool}`;
}

/** The queue that only those workers of the pool `models` poll that have the model in memory. */
export function warmQueue(prefix: string, model: string): string {
  return `${taskQueue(prefix, 'models')}-${model}`;
}

/** The prefix of a workflow's queues, from its own task queue. */
export function queuePrefix(workflowTaskQueue: string): string {
  return workflowTaskQueue.replace(/-workflows$/, '');
}
