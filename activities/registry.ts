import { KINDS, MEDIA_KINDS, type AttemptLimit, type MediaKind } from '../common/kinds';
import type { Pool } from '../common/pools';

/**
 * The one table of activities: where each runs, how long one attempt may take, and what people read. Workers register,
 * workflows schedule, and the page and the metrics name activities by it. Free of Node, since workflows import it; the
 * functions themselves are in `activities/index.ts`, which does not compile while one of them is missing.
 */
export interface ActivityRow {
  /** `item`: the pool of the item's kind. */
  readonly pool: Pool | 'item';
  /** Bound of one attempt, unless the item brings its own (`attemptSeconds`). */
  readonly attempt: AttemptLimit;
  /** Bound of all attempts together, their waiting included; absent: long enough for a store to come back, a week. */
  readonly total?: `${number}${'s' | 'm' | 'h'}`;
  /** The step's name for people; an activity that runs several times for one item adds a summary of its own. */
  readonly label: string;
}

/** The activity of each kind, from the kind's own row. */
const OF_KINDS = Object.fromEntries(
  MEDIA_KINDS.map((kind): [string, ActivityRow] => {
    const { activity, pool, attempt } = KINDS[kind];
    return [activity, { pool, attempt, label: kind }];
  }),
) as Record<(typeof KINDS)[MediaKind]['activity'], ActivityRow>;

export const ACTIVITIES = {
  ...OF_KINDS,
  makeSound: { pool: 'video', attempt: 'bySource', label: 'sound' },
  makeSoundHead: { pool: 'video', attempt: 'bySource', label: 'sound' },
  makeOutputs: { pool: 'video', attempt: 'bySource', label: 'encode' },
  makeChunk: { pool: 'video', attempt: 'bySource', label: 'encode' },
  // A store's own work, which must not wait until workers of a video pool have encoded what is in their hands.
  growStream: { pool: 'workflows', attempt: '10m', total: '24h', label: 'grow stream' },
  joinRung: { pool: 'video', attempt: 'bySource', label: 'join' },
  packageStream: { pool: 'video', attempt: 'bySource', label: 'package' },
  publishOutputs: { pool: 'video', attempt: '1h', label: 'publish' },
  // The steps of videos that began before those above.
  probeVideo: { pool: 'video', attempt: '1h', label: 'probe' },
  makePoster: { pool: 'video', attempt: 'bySource', label: 'poster' },
  makeSprite: { pool: 'video', attempt: 'bySource', label: 'sprite' },
  encodeRung: { pool: 'video', attempt: 'bySource', label: 'encode' },
  packageHls: { pool: 'video', attempt: 'bySource', label: 'package' },
  publishVideo: { pool: 'video', attempt: '1h', label: 'publish' },
  // A local activity: it runs beside the workflow, and its answer stands in the history.
  findModel: { pool: 'workflows', attempt: '5s', label: 'find model' },
  analyse: { pool: 'models', attempt: '30m', total: '24h', label: 'analyse' },
  quarantine: { pool: 'item', attempt: '1h', label: 'quarantine' },
  // Where every worker of a video pool encodes for hours, a cancelled item would wait for as long.
  removeOutputs: { pool: 'workflows', attempt: '5m', total: '15m', label: 'remove outputs' },
  deliverWebhook: { pool: 'workflows', attempt: '30s', label: 'webhook' },
  awaitBatch: { pool: 'workflows', attempt: '2m', label: 'await batch' },
  campaignItems: { pool: 'workflows', attempt: '10m', label: 'find old items' },
  campaignPairs: { pool: 'workflows', attempt: '2m', label: 'find new items' },
  adoptOutputs: { pool: 'workflows', attempt: '30m', label: 'adopt outputs' },
  settleOutputs: { pool: 'workflows', attempt: '30m', label: 'settle outputs' },
  compareOutputs: { pool: 'item', attempt: '1h', label: 'compare' },
  deleteItems: { pool: 'workflows', attempt: '12h', label: 'delete' },
  changeItems: { pool: 'workflows', attempt: '12h', label: 'change items' },
  maintain: { pool: 'workflows', attempt: '12h', total: '24h', label: 'maintenance' },
} as const satisfies Record<string, ActivityRow>;

export type ActivityName = keyof typeof ACTIVITIES;
export const ACTIVITY_NAMES = Object.keys(ACTIVITIES) as ActivityName[];

/** The pool that an activity of an item runs in. */
export function poolOf(activity: ActivityName, kind: MediaKind): Pool {
  const { pool } = ACTIVITIES[activity];
  return pool === 'item' ? KINDS[kind].pool : pool;
}

/** The activities that a pool's workers register. */
export function activitiesOfPool(pool: Pool): ActivityName[] {
  const ofItems = Object.values(KINDS).some((kind) => kind.pool === pool);
  return ACTIVITY_NAMES.filter((name) => {
    const own: Pool | 'item' = ACTIVITIES[name].pool;
    return own === pool || (own === 'item' && ofItems);
  });
}

/** False for a type that this version does not know. */
export function isActivity(activityType: string): activityType is ActivityName {
  return Object.hasOwn(ACTIVITIES, activityType);
}

/** The label of an activity's type, also of one that this version does not know. */
export function labelOf(activityType: string): string {
  return isActivity(activityType) ? ACTIVITIES[activityType].label : activityType;
}
