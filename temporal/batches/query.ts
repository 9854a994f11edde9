import { DarkroomError } from '../../common/errors';

/** A batch id becomes a path, a URL and part of workflow ids, of which `webhook/…` are those of calls. */
export const BATCH_ID = /^(?!webhook$)[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** The ways in which a run can end without a result. */
const UNSUCCESSFUL = ['Failed', 'TimedOut', 'Terminated', 'Canceled'] as const;

/** A string literal of the visibility query language. */
export function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** @throws DarkroomError InvalidJob for what cannot be the id of a batch: nothing else may get into a query. */
export function checkBatchId(batchId: string): string {
  if (BATCH_ID.test(batchId)) return batchId;
  const what = 'letters, digits, dots, dashes and underscores, 100 at most';
  throw new DarkroomError('InvalidJob', `"${batchId.slice(0, 120)}" cannot be the id of a batch: expected ${what}.`);
}

function ofBatch(batchId: string): string {
  return `MediaBatchId = ${quoted(checkBatchId(batchId))}`;
}

/**
 * The runs that one submission is about: open ones, and those that closed since it began. Runs of the batch that failed
 * in an earlier submission are not among them.
 */
export function batchQuery(batchId: string, since?: Date): string {
  if (since === undefined) return ofBatch(batchId);
  return `${ofBatch(batchId)} AND (CloseTime >= ${quoted(since.toISOString())} OR ExecutionStatus = "Running")`;
}

/** Open jobs of a tenant, in all of its batches. */
export function openOfTenantQuery(tenant: string): string {
  return `MediaTenant = ${quoted(tenant)} AND ExecutionStatus = "Running"`;
}

/** Jobs of a tenant that began since then, open or closed, in all of its batches. */
export function startedOfTenantQuery(tenant: string, since: Date): string {
  return `MediaTenant = ${quoted(tenant)} AND StartTime >= ${quoted(since.toISOString())}`;
}

export function runningQuery(batchId: string): string {
  return `${ofBatch(batchId)} AND ExecutionStatus = "Running"`;
}

export function completedQuery(batchId: string, since?: Date): string {
  return closedQuery(batchId, ['Completed'], since);
}

export function unsuccessfulQuery(batchId: string, since?: Date): string {
  return closedQuery(batchId, UNSUCCESSFUL, since);
}

function closedQuery(batchId: string, statuses: readonly string[], since?: Date): string {
  const query = `${ofBatch(batchId)} AND ExecutionStatus IN (${statuses.map(quoted).join(', ')})`;
  return since === undefined ? query : `${query} AND CloseTime >= ${quoted(since.toISOString())}`;
}
