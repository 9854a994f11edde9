import { createHash } from 'node:crypto';
import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { campaignWorkflowId, type CampaignInput, type CampaignReport, type Settlement } from '../../common/campaign';
import { DarkroomError } from '../../common/errors';
import { taskQueue } from '../../common/pools';
import type { reprocess, settleCampaign } from '../../workflows';
import { approve, campaign, pause, resume } from '../../workflows/names';
import { controlBatch } from './control';
import { isNotFound } from './lib/grpc';

/** `reprocess-web-new-3f2a9c01`: the same preset and items are the same campaign. */
export function campaignId({ preset, where }: Pick<CampaignInput, 'preset' | 'where'>): string {
  const name = preset.name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 50);
  const hash = createHash('sha256')
    .update(JSON.stringify([preset, where]))
    .digest('hex')
    .slice(0, 8);
  return `reprocess-${name}-${hash}`;
}

/** @throws DarkroomError Conflict while a campaign of the same preset and items is open */
export async function startCampaign(client: Client, queuePrefix: string, input: CampaignInput): Promise<void> {
  try {
    await client.workflow.start<typeof reprocess>('reprocess', {
      workflowId: campaignWorkflowId(input.id),
      taskQueue: taskQueue(queuePrefix, 'workflows'),
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      priority: { priorityKey: 5 },
      staticSummary: `Makes items again by ${input.preset.name}`.slice(0, 190),
    });
  } catch (error) {
    if ((error as Error).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
    throw new DarkroomError('Conflict', `The campaign ${input.id} is open already.`);
  }
}

/** How far a campaign is, also after its end. @throws DarkroomError SourceNotFound */
export async function describeCampaign(client: Client, id: string): Promise<CampaignReport> {
  try {
    return await client.workflow.getHandle(campaignWorkflowId(id)).query(campaign);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new DarkroomError('SourceNotFound', `There is no campaign "${id.slice(0, 110)}".`);
  }
}

/** `stop` ends it: what runs is cancelled, what was adopted stays. */
export type CampaignControl = 'approve' | 'pause' | 'resume' | 'stop';

/** Changes an open campaign; one that has ended is left as it is. */
export async function controlCampaign(client: Client, id: string, control: CampaignControl): Promise<void> {
  await describeCampaign(client, id);
  const handle = client.workflow.getHandle(campaignWorkflowId(id));
  try {
    if (control === 'stop') await handle.cancel();
    else await handle.signal({ approve, pause, resume }[control]);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  if (control === 'pause' || control === 'resume') await controlBatch(client, control, id);
}

/** Ends the campaign, then puts the old outputs back, or gives them up. @returns items that were changed */
export async function settle(client: Client, queuePrefix: string, id: string, how: Settlement): Promise<number> {
  await controlCampaign(client, id, 'stop');
  const handle = client.workflow.getHandle(campaignWorkflowId(id));
  await handle.result().catch(() => undefined);
  return client.workflow.execute<typeof settleCampaign>('settleCampaign', {
    workflowId: `${campaignWorkflowId(id)}/settle`,
    taskQueue: taskQueue(queuePrefix, 'workflows'),
    args: [id, how],
  });
}
