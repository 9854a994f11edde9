import { createHash } from 'node:crypto';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client, type WorkflowHandle } from '@temporalio/client';
import {
  CAMPAIGN_DEFAULTS,
  campaignWorkflowId,
  isCampaignId,
  type CampaignInput,
  type CampaignReport,
  type CampaignWhere,
  type Settlement,
} from '../../common/campaign';
import type { Preset } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { forEachBounded } from '../../common/for-each-bounded';
import { WORKFLOW_TASK_MS } from '../../common/heartbeats';
import { taskQueue } from '../../common/pools';
import { checkBatchId, quoted } from '../../temporal/batches/query';
import { latestOnly, memoText, pageOfRuns, stateOf } from '../../temporal/batches/runs';
import type { reprocess, settleCampaign } from '../../workflows';
import { approve, campaign, pause, resume } from '../../temporal/signals';
import { slug } from './keys';
import { unlessNotFound } from '../../temporal/grpc';

/** What a person asks for; what is absent is as CAMPAIGN_DEFAULTS says. */
export interface CampaignWish {
  where: CampaignWhere;
  canary?: number;
  budgetCpuSeconds?: number;
  minSsim?: number;
  maxBytesRatio?: number;
  maxFailures?: number;
  approvesItself?: boolean;
  atOnce?: number;
}

/** @throws DarkroomError InvalidJob where the wish names no items */
export function campaignInput(preset: Preset, wish: CampaignWish): CampaignInput {
  const { where, budgetCpuSeconds, approvesItself = false } = wish;
  if (where.preset === undefined && where.batch === undefined && where.kind === undefined) {
    throw new DarkroomError('InvalidJob', 'Say which items the campaign is about, by their preset, batch or kind.');
  }
  if (where.batch !== undefined) checkBatchId(where.batch);
  const { canary, atOnce, minSsim, maxBytesRatio, maxFailures } = { ...CAMPAIGN_DEFAULTS, ...known(wish) };
  const bounds = { minSsim, maxBytesRatio, maxFailures };
  return { id: idOf(preset, where), preset, where, canary, budgetCpuSeconds, bounds, approvesItself, atOnce };
}

function known<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** `reprocess-web-new-3f2a9c01`, with the tenant before it as in ids of batches: the same preset and items are the same campaign. */
function idOf(preset: Preset, { tenant, ...where }: CampaignWhere): string {
  const facts = [preset, where.preset, where.batch, tenant, where.kind];
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 8);
  return `${prefixOf(tenant)}reprocess-${[slug(preset.name).slice(0, 16), hash].filter(Boolean).join('-')}`;
}

function prefixOf(tenant: string | undefined): string {
  return tenant === undefined || tenant === 'default' ? '' : `${tenant}.`;
}

/** @throws DarkroomError Conflict while a campaign of the same preset and items is open, or is settled */
export async function startCampaign(client: Client, queuePrefix: string, input: CampaignInput): Promise<void> {
  const { id, preset, where } = input;
  const settling = await unlessNotFound(client.workflow.getHandle(settlementId(id)).describe());
  if (settling !== undefined && stateOf(settling) === 'open') {
    throw new DarkroomError('Conflict', `The campaign ${id} is being settled.`);
  }
  try {
    await client.workflow.start<typeof reprocess>('reprocess', {
      workflowId: campaignWorkflowId(id),
      taskQueue: taskQueue(queuePrefix, 'workflows'),
      args: [input],
      workflowTaskTimeout: WORKFLOW_TASK_MS.batch,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      memo: { ...(where.tenant !== undefined && { tenant: where.tenant }), preset: preset.name },
      priority: { priorityKey: 5 },
      staticSummary: `Makes items again by ${preset.name}`.slice(0, 190),
    });
  } catch (error) {
    if ((error as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
    throw new DarkroomError('Conflict', `The campaign ${id} is open already.`);
  }
}

export interface CampaignView extends CampaignReport {
  id: string;
  preset: string;
  /** Whose items it is about; absent: everybody's. */
  tenant?: string;
  /** ISO 8601. */
  startedAt: string;
  closedAt?: string;
  /** What was decided in the end; items are known when all of them are. */
  settled?: { how: Settlement; items?: number };
}

/**
 * How far a campaign is. One that ran to its end is described from its result, without a worker; the figures of any other are
 * the state of its workflow, which a worker of the pool `workflows` has to be asked for.
 * @throws DarkroomError SourceNotFound
 */
export async function describeCampaign(client: Client, id: string): Promise<CampaignView> {
  const handle: WorkflowHandle<typeof reprocess> = client.workflow.getHandle(campaignWorkflowId(id));
  const run = await unlessNotFound(handle.describe());
  if (run === undefined) throw new DarkroomError('SourceNotFound', `There is no campaign "${id.slice(0, 110)}".`);
  const [report, settled] = await Promise.all([
    stateOf(run) === 'succeeded' ? handle.result() : handle.query(campaign),
    settlementOf(client, id, run.startTime),
  ]);
  return {
    ...{ id, preset: memoText(run, 'preset') ?? '', tenant: memoText(run, 'tenant') },
    ...{ startedAt: run.startTime.toISOString(), closedAt: run.closeTime?.toISOString(), settled },
    ...report,
  };
}

/** Campaigns described at once. */
const LOOKS_AT_ONCE = 8;

/**
 * One page of campaigns: open ones first (those that began last before), then those that ended last.
 * @param tenant whose; undefined: everybody's
 * @throws DarkroomError InvalidJob for a cursor that is none of ours
 */
export async function listCampaigns(
  client: Client,
  tenant: string | undefined,
  limit: number,
  cursor?: string,
): Promise<{ campaigns: CampaignView[]; next?: string }> {
  // A run that went on as another one is not the campaign's last.
  const all = 'WorkflowType = "reprocess" AND ExecutionStatus != "ContinuedAsNew"';
  const own = ` AND WorkflowId STARTS_WITH ${quoted(campaignWorkflowId(prefixOf(tenant)))}`;
  const { runs, next } = await pageOfRuns(client, all + own, limit, cursor);
  const latest = await latestOnly(client, all, runs);
  const views: (CampaignView | undefined)[] = [];
  await forEachBounded(latest.entries(), LOOKS_AT_ONCE, async ([index, run]) => {
    if (tenant !== undefined && memoText(run, 'tenant') !== tenant) return;
    views[index] = await describeCampaign(client, run.workflowId.slice(campaignWorkflowId('').length));
  });
  return { campaigns: views.filter((view) => view !== undefined), next };
}

/** Whose items a campaign is about, undefined inside: everybody's; undefined where there is no such campaign. */
export async function campaignOwner(client: Client, id: string): Promise<{ tenant?: string } | undefined> {
  if (!isCampaignId(id)) return undefined;
  const run = await unlessNotFound(client.workflow.getHandle(campaignWorkflowId(id)).describe());
  return run && { tenant: memoText(run, 'tenant') };
}

/** Of this campaign, and not of an earlier one with the same id. */
async function settlementOf(client: Client, id: string, since: Date): Promise<CampaignView['settled']> {
  const handle: WorkflowHandle<typeof settleCampaign> = client.workflow.getHandle(settlementId(id));
  const run = await unlessNotFound(handle.describe());
  if (run === undefined || run.startTime < since) return undefined;
  const how = memoText(run, 'how') as Settlement;
  return stateOf(run) === 'succeeded' ? { how, items: await handle.result() } : { how };
}

/** Lets a campaign go on behind its canary. @throws DarkroomError Conflict where it does not wait for that */
export async function approveCampaign(client: Client, id: string): Promise<void> {
  const { phase } = await describeCampaign(client, id);
  if (phase !== 'awaiting approval') {
    throw new DarkroomError('Conflict', `The campaign ${id} does not wait for an approval: ${phase}.`);
  }
  await client.workflow.getHandle(campaignWorkflowId(id)).signal(approve);
}

/**
 * Where a batch is made of a campaign's items, the campaign itself: paused it starts no further item, cancelled it ends, and
 * what it has put in place stays. One that has ended is left as it is.
 * @returns whether there is an open one
 */
export async function controlCampaign(
  client: Client,
  control: 'pause' | 'resume' | 'cancel',
  id: string,
): Promise<boolean> {
  if (!isCampaignId(id)) return false;
  const handle = client.workflow.getHandle(campaignWorkflowId(id));
  const run = await unlessNotFound(handle.describe());
  if (run === undefined || stateOf(run) !== 'open') return false;
  await unlessNotFound<unknown>(control === 'cancel' ? handle.cancel() : handle.signal({ pause, resume }[control]));
  return true;
}

/**
 * Has the old outputs put back (an open campaign ends), or given up. It goes on when the caller is gone.
 * @returns the workflow that does it; its result is how many items were changed
 * @throws DarkroomError SourceNotFound; Conflict
 */
export async function settleOutcome(
  client: Client,
  queuePrefix: string,
  id: string,
  how: Settlement,
): Promise<WorkflowHandle<typeof settleCampaign>> {
  const { phase, closedAt } = await describeCampaign(client, id);
  if (how === 'keep' && closedAt === undefined) {
    throw new DarkroomError('Conflict', `The campaign ${id} has not ended: ${phase}.`);
  }
  const handle = await client.workflow.start<typeof settleCampaign>('settleCampaign', {
    workflowId: settlementId(id),
    taskQueue: taskQueue(queuePrefix, 'workflows'),
    args: [id, how],
    workflowTaskTimeout: WORKFLOW_TASK_MS.batch,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    memo: { how },
  });
  const other = memoText(await handle.describe(), 'how');
  if (other === how) return handle;
  throw new DarkroomError('Conflict', `The campaign ${id} is being settled the other way (${other}).`);
}

function settlementId(id: string): string {
  return `${campaignWorkflowId(id)}/settlement`;
}
