import { ParentClosePolicy, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { BatchWatch, WebhookCall } from '../common/webhooks';
import { notify } from './webhook';

/**
 * Waits until nothing of a batch is open, then hands its figures to a delivery of its own. It carries none of the search
 * attributes of items, so it is none in anybody's counts; and whoever submits the batch again ends it and starts another,
 * which never touches a delivery under way.
 */
export async function notifyBatch(watch: BatchWatch): Promise<void> {
  const { awaitBatch } = proxyActivities<Activities>({
    // One look; its retries are the waiting, for as long as the batch takes.
    startToCloseTimeout: '2m',
    retry: { initialInterval: '2s', backoffCoefficient: 1.2, maximumInterval: '30s' },
  });
  const totals = await awaitBatch(watch);
  const { workflowId, runId } = workflowInfo();
  const call: WebhookCall = {
    url: watch.url,
    tenant: watch.tenant,
    id: runId,
    event: { type: 'batch.ended', tenant: watch.tenant, batch: watch.batchId, ...totals, at: new Date().toISOString() },
  };
  await startChild(notify, {
    args: [call],
    workflowId: `${workflowId}/${runId}`,
    parentClosePolicy: ParentClosePolicy.ABANDON,
  });
}
