import type { Client, Connection, ConnectionLike } from '@temporalio/client';
import { PAUSED } from '../../common/contracts';
import { runningQuery } from './query';
import type { Run } from './runs';

/** ms for which the namespace's search attributes count as known. */
const KNOWN_MS = 60_000;

interface Known {
  at: number;
  names: Promise<ReadonlySet<string>>;
}
const known = new WeakMap<object, Known>();

/** Names of the search attributes, the server's own among them. */
function searchAttributes(connection: ConnectionLike, namespace: string): Known['names'] {
  const before = known.get(connection);
  if (before !== undefined && Date.now() - before.at < KNOWN_MS) return before.names;
  const names = (connection as Connection).operatorService
    .listSearchAttributes({ namespace })
    .then(
      ({ customAttributes, systemAttributes }) => new Set(Object.keys({ ...customAttributes, ...systemAttributes })),
    );
  known.set(connection, { at: Date.now(), names });
  names.catch(() => known.delete(connection));
  return names;
}

/** May runs of this namespace show that they are paused? Where the attribute is missing, setting it would hold them up. */
export async function canMarkPaused(client: Client): Promise<boolean> {
  return (await searchAttributes(client.connection, client.options.namespace)).has('MediaState');
}

/**
 * The condition on open runs that are paused: by Darkroom, or an activity of them by the server's own operation (which a
 * server that has it notes in `TemporalPauseInfo`, also while no worker is there). Undefined: runs cannot show it here.
 */
export async function pausedCondition(connection: ConnectionLike, namespace: string): Promise<string | undefined> {
  const names = await searchAttributes(connection, namespace);
  const conditions = [
    ...(names.has('MediaState') ? [`MediaState = "${PAUSED}"`] : []),
    ...(names.has('TemporalPauseInfo') ? ['TemporalPauseInfo IS NOT NULL'] : []),
  ];
  return conditions.length === 0 ? undefined : `(${conditions.join(' OR ')})`;
}

/** Open items of a batch that are paused, as the server's visibility store knows them: a second or so behind. */
export async function countPaused(client: Client, batchId: string): Promise<number> {
  const condition = await pausedCondition(client.connection, client.options.namespace);
  if (condition === undefined) return 0;
  return (await client.workflow.count(`${runningQuery(batchId)} AND ${condition}`)).count;
}

/** Does an open run show that it is paused, or one of its activities? */
export function isPaused(run: Pick<Run, 'typedSearchAttributes' | 'status'>): boolean {
  if (run.status.name !== 'RUNNING') return run.status.name === 'PAUSED';
  return isMarkedPaused(run) || run.typedSearchAttributes.getAll().some(({ key }) => key.name === 'TemporalPauseInfo');
}

/** Has the run's workflow itself taken a pause? */
export function isMarkedPaused({ typedSearchAttributes }: Pick<Run, 'typedSearchAttributes'>): boolean {
  return typedSearchAttributes.getAll().some(({ key, value }) => key.name === 'MediaState' && value === PAUSED);
}
