import { CancellationScope, ParentClosePolicy, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { WorkItem } from '../common/contracts';
import type { WebhookCall, WebhookEvent } from '../common/webhooks';

/** Delivers one webhook, for three days at most; nobody waits for it. */
export async function notify(call: WebhookCall): Promise<void> {
  const { deliverWebhook } = proxyActivities<Activities>({
    // On the workflows' own queue: pools for media have better things to do.
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '3 days',
    retry: { initialInterval: '5s', backoffCoefficient: 3, maximumInterval: '1h' },
  });
  await deliverWebhook(call);
}

/**
 * Hands the delivery to a workflow of its own, which outlives the item's: a receiver that is away for a day does not hold
 * the result back. Also for an item that was cancelled.
 */
export async function announce(
  item: WorkItem,
  event: Pick<WebhookEvent, 'type' | 'result' | 'error' | 'playable'>,
): Promise<void> {
  const { callbackUrl } = item;
  if (callbackUrl === undefined) return;
  const { workflowId, runId } = workflowInfo();
  // The end of a run is told once, and so is each stream that can be played before.
  const part = event.playable ? `/${event.playable.path}` : '';
  const tenant = item.confined ? item.tenant : undefined;
  const call: WebhookCall = {
    url: callbackUrl,
    tenant,
    id: `${runId}${part}`,
    event: {
      ...event,
      tenant,
      job: `${item.batchId}~${item.itemKey}`,
      batch: item.batchId,
      source: item.source,
      metadata: item.metadata,
      at: new Date().toISOString(),
    },
  };
  await CancellationScope.nonCancellable(() =>
    startChild(notify, {
      args: [call],
      workflowId: `webhook/${workflowId}/${runId}${part}`,
      parentClosePolicy: ParentClosePolicy.ABANDON,
    }),
  );
}
