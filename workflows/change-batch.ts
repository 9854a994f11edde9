import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';
import { ACTIVITIES } from '../activities/registry';
import type { ChangeInput, ChangeTally } from '../common/batch-change';
import { LOST_AFTER_MS } from '../common/heartbeats';

/**
 * Asks the items of a batch one after the other, whoever waits for it. It carries none of the search attributes of items, so it
 * is none in anybody's counts.
 */
export async function changeBatch(input: ChangeInput): Promise<ChangeTally> {
  const { changeItems } = proxyActivities<Activities>({
    startToCloseTimeout: ACTIVITIES.changeItems.attempt,
    heartbeatTimeout: LOST_AFTER_MS.batch,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
  return changeItems(input);
}
