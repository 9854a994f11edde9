import { BATCH_ID } from '../../../temporal/batches/query';
import { ApiError } from '../http/problems';

/** Where single jobs are, whose caller names no batch. */
export const SINGLE_JOBS = 'jobs';

const JOB_ID = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})~([a-z0-9][a-z0-9._-]{0,98})$/;

/**
 * The id of a job in URLs: `<batch>~<item key>`. Neither part can contain a tilde, and a tilde needs no escape, while the
 * slash of the workflow's id would.
 */
export function jobId(workflowId: string): string {
  return workflowId.replace('/', '~');
}

/** @throws ApiError NoSuchJob for what cannot be one */
export function parseJobId(id: string): { workflowId: string; batchId: string; itemKey: string } {
  const [, batchId, itemKey] = JOB_ID.exec(id) ?? [];
  if (batchId === undefined || itemKey === undefined) throw noSuchJob(id);
  return { workflowId: `${batchId}/${itemKey}`, batchId, itemKey };
}

export function noSuchJob(id: string): ApiError {
  return new ApiError('NoSuchJob', `There is no job "${id.slice(0, 250)}".`);
}

export function noSuchBatch(id: string): ApiError {
  return new ApiError('NoSuchBatch', `There is no batch "${id.slice(0, 120)}".`);
}

export function noSuchCampaign(id: string): ApiError {
  return new ApiError('NoSuchCampaign', `There is no campaign "${id.slice(0, 120)}".`);
}

/** The tenant whose ids carry no prefix, and who shares them with the commands. */
export const DEFAULT_TENANT = 'default';

/**
 * The id under which a tenant's batch is known everywhere: `<tenant>.<name>`, so that two tenants never meet in one id.
 * Ids come back whole, and are taken with and without the prefix.
 * @param tenant undefined: nobody has keys, and all ids are free
 * @throws ApiError BadRequest
 */
export function batchIdFor(tenant: string | undefined, name: string): string {
  const id = tenant === undefined || tenant === DEFAULT_TENANT ? name : prefixed(tenant, name);
  if (!BATCH_ID.test(id)) {
    const what = 'letters, digits, dots, dashes and underscores, 100 at most with the tenant, and not "webhook"';
    throw new ApiError('BadRequest', `"${name.slice(0, 120)}" cannot be the id of a batch: expected ${what}.`);
  }
  if (tenant === DEFAULT_TENANT && id.includes('.')) {
    throw new ApiError(
      'BadRequest',
      'The id of a batch must not contain a dot: that is how the tenants are told apart.',
    );
  }
  return id;
}

function prefixed(tenant: string, name: string): string {
  return name.startsWith(`${tenant}.`) ? name : `${tenant}.${name}`;
}
