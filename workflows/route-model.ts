import { ActivityFailure, patched, proxyLocalActivities, TimeoutFailure, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { AnalysisInput } from '../activities/analyse';
import { ACTIVITIES } from '../activities/registry';
import type { Analysis } from '../common/analysis';
import type { WorkItem } from '../common/contracts';
import { MODELS } from '../common/models';
import { queuePrefix, warmQueue } from '../common/pools';
import { activitiesOf } from './activity-options';

const local = proxyLocalActivities<Activities>({ startToCloseTimeout: ACTIVITIES.findModel.attempt });

/**
 * First where the model is in memory, for as long as loading it would take; then wherever there is a worker. A worker that is
 * lost with the model costs that wait.
 * @param loadSeconds that loading takes at most
 */
export async function routed(
  item: WorkItem,
  input: AnalysisInput,
  loadSeconds: number = MODELS[input.model].loadSeconds,
): Promise<Analysis> {
  // Runs that asked models before there were queues for each replay without them.
  const way = patched('models-routed') ? await local.findModel(input.model) : 'common';
  if (way === 'warm') {
    const taskQueue = warmQueue(queuePrefix(workflowInfo().taskQueue), input.model);
    try {
      return await activitiesOf(item, undefined, { taskQueue, scheduleToStartTimeout: `${loadSeconds}s` }).analyse(
        item,
        input,
      );
    } catch (error) {
      const cause = error instanceof ActivityFailure ? error.cause : undefined;
      if (!(cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START')) throw error;
    }
  }
  return activitiesOf(item).analyse(item, input);
}
