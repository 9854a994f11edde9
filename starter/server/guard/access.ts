import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Manifest } from '../../../common/contracts';
import { isSourceNotFound } from '../../../common/errors';
import { joinUri } from '../../../storage';
import { campaignOwner } from '../../core/campaign';
import { describeItem } from '../../core/control';
import { deletedBefore } from '../../core/deletion';
import { BATCH_ID, batchQuery, quoted } from '../../../temporal/batches/query';
import { attribute } from '../../../temporal/batches/runs';
import type { Principal } from './auth';
import { batchIdFor, noSuchBatch, noSuchCampaign, noSuchJob, parseJobId } from './ids';
import type { Service } from '../service';
import { bounded } from '../submit';

/**
 * A job that the caller may see. Somebody else's is answered like one that does not exist, and so is a deleted one.
 * @throws ApiError NoSuchJob
 */
export async function findJob(
  service: Service,
  principal: Principal,
  id: string,
): Promise<WorkflowExecutionDescription> {
  const run = await findRun(service, principal, id);
  if (run.closeTime === undefined) return run;
  const { batchId, itemKey } = parseJobId(id);
  const before = await bounded(service, () => deletedBefore(service.client, batchId, itemKey));
  if (before !== undefined && run.closeTime.getTime() < before) throw noSuchJob(id);
  return run;
}

/** The same for a job that cannot have been deleted, since the caller has just submitted it. */
export async function findRun(
  service: Service,
  principal: Principal,
  id: string,
): Promise<WorkflowExecutionDescription> {
  const { workflowId } = parseJobId(id);
  try {
    const run = await bounded(service, () => describeItem(service.client, workflowId));
    if (principal.tenant === undefined || attribute(run, 'MediaTenant') === principal.tenant) return run;
  } catch (error) {
    if (!isSourceNotFound(error)) throw error;
  }
  throw noSuchJob(id);
}

/** What the usual place of a job's outputs says, for one that Temporal does not know any more. */
export async function findPublished(
  service: Service,
  { tenant }: Principal,
  id: string,
): Promise<Manifest | undefined> {
  const { batchId, itemKey } = parseJobId(id);
  const folder = joinUri(service.places.outputsOf(tenant, batchId), itemKey);
  const manifest = (await service.storage.readManifest(folder))?.manifest;
  const isOfJob = manifest?.batchId === batchId && manifest.itemKey === itemKey;
  return isOfJob && (tenant === undefined || manifest.tenant === tenant) ? manifest : undefined;
}

/**
 * The whole id of a batch that is the caller's, all of it.
 * @throws ApiError NoSuchBatch
 */
export async function findBatch(service: Service, { tenant }: Principal, name: string): Promise<string> {
  if (!BATCH_ID.test(name)) throw noSuchBatch(name);
  const id = tenant === undefined ? name : batchIdFor(tenant, name);
  const count = (query: string): Promise<number> =>
    bounded(service, async () => (await service.client.workflow.count(query)).count);
  const all = await count(batchQuery(id));
  if (all === 0 || (await isDeleted(service, id, count))) throw noSuchBatch(name);
  if (tenant !== undefined && (await count(`${batchQuery(id)} AND MediaTenant = ${quoted(tenant)}`)) !== all) {
    throw noSuchBatch(name);
  }
  // A campaign over the items of all tenants may have come to those of one only.
  if (tenant !== undefined) {
    const owner = await bounded(service, () => campaignOwner(service.client, id));
    if (owner !== undefined && owner.tenant !== tenant) throw noSuchBatch(name);
  }
  return id;
}

/** Has a deletion taken the whole batch, and has nothing of it begun since? */
async function isDeleted(service: Service, id: string, count: (query: string) => Promise<number>): Promise<boolean> {
  const before = await bounded(service, () => deletedBefore(service.client, id));
  if (before === undefined) return false;
  return (await count(batchQuery(id, new Date(before)))) === 0;
}

/**
 * The whole id of a campaign that the caller may see and decide about.
 * @throws ApiError NoSuchCampaign
 */
export async function findCampaign(service: Service, { tenant }: Principal, name: string): Promise<string> {
  if (!BATCH_ID.test(name)) throw noSuchCampaign(name);
  const id = tenant === undefined ? name : batchIdFor(tenant, name);
  const owner = await bounded(service, () => campaignOwner(service.client, id));
  if (owner === undefined || (tenant !== undefined && owner.tenant !== tenant)) throw noSuchCampaign(name);
  return id;
}
