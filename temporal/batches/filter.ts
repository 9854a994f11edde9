import type { MediaKind } from '../../common/kinds';
import { batchQuery, quoted } from './query';
import { inState, type RunState } from './runs';

/** What a list of jobs or batches is narrowed to. All of it has to hold. */
export interface RunFilter {
  tenant?: string;
  batch?: string;
  /** Batches whose id begins so. */
  batchPrefix?: string;
  /** Runs whose workflow id (`<batch>/<item key>`) begins with one of these. */
  idPrefixes?: readonly string[];
  state?: RunState;
  /** A further condition, in the words of the server's queries. */
  condition?: string;
  kind?: MediaKind;
  preset?: string;
  /** Submitted at this time or later. */
  from?: Date;
  /** Submitted before this time. */
  to?: Date;
}

/** The visibility query for a filter. Without any condition it is all items of Darkroom. */
export function filterQuery(filter: RunFilter): string {
  const { tenant, batch, batchPrefix, idPrefixes = [], kind, preset, from, to } = filter;
  const time = (date: Date): string => quoted(date.toISOString());
  const begins = idPrefixes.map((prefix) => `WorkflowId STARTS_WITH ${quoted(prefix)}`);
  const conditions = [
    batch !== undefined ? batchQuery(batch) : undefined,
    tenant !== undefined ? `MediaTenant = ${quoted(tenant)}` : undefined,
    batchPrefix !== undefined ? `MediaBatchId STARTS_WITH ${quoted(batchPrefix)}` : undefined,
    begins.length > 0 ? `(${begins.join(' OR ')})` : undefined,
    kind !== undefined ? `MediaKind = ${quoted(kind)}` : undefined,
    preset !== undefined ? `MediaPreset = ${quoted(preset)}` : undefined,
    from !== undefined ? `StartTime >= ${time(from)}` : undefined,
    to !== undefined ? `StartTime < ${time(to)}` : undefined,
    filter.condition,
  ].filter((condition) => condition !== undefined);
  // Other workflows may share the namespace.
  const isOurs = batch !== undefined || tenant !== undefined || batchPrefix !== undefined;
  if (!isOurs) conditions.unshift('MediaBatchId IS NOT NULL');
  return inState(conditions.join(' AND '), filter.state);
}
