import {
  ActivityFailure,
  ApplicationFailure,
  patched,
  proxyLocalActivities,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { AnalysisInput } from '../activities/analyse';
import type { Miss } from '../activities/find-model';
import { ACTIVITIES } from '../activities/registry';
import type { Analysed } from '../common/analysis';
import type { WorkItem } from '../common/contracts';
import { MODELS } from '../common/models';
import { queuePrefix, warmQueue } from '../common/pools';
import { activitiesOf, retriesExcept } from './activity-options';

const local = proxyLocalActivities<Activities>({ startToCloseTimeout: ACTIVITIES.findModel.attempt });

/** A task that waits longer than its limit on the model's own queue waits twice as long the next time, so many times. */
const LAST_ROUND = 10;

/**
 * Where the model is in memory, for as long as loading it would take; then, unless another task has just been sent to have it
 * loaded, wherever there is a worker. A worker that is lost with the model costs that wait.
 * @param loadSeconds that loading takes at most
 */
export async function routed(
  item: WorkItem,
  input: AnalysisInput,
  loadSeconds: number = MODELS[input.model].loadSeconds,
): Promise<Analysed> {
  // Runs that asked models before there were queues for each replay without them.
  if (!patched('models-routed')) return activitiesOf(item).analyse(item, input);
  let missed: Miss | undefined;
  for (let round = 0; round <= LAST_ROUND; round++) {
    if ((await local.findModel(input.model, missed)) === 'common') break;
    const scheduleToStartTimeout = `${loadSeconds * 2 ** round}s` as const;
    const warm = activitiesOf(item, undefined, {
      taskQueue: warmQueue(queuePrefix(workflowInfo().taskQueue), input.model),
      scheduleToStartTimeout,
      retry: retriesExcept('WorkerBusy'),
    });
    try {
      return await warm.analyse(item, input);
    } catch (error) {
      missed = missOf(error);
      if (missed === undefined) throw error;
    }
  }
  return activitiesOf(item).analyse(item, input);
}

/** Undefined for failures of the work itself. */
function missOf(error: unknown): Miss | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') return 'late';
  return cause instanceof ApplicationFailure && cause.type === 'WorkerBusy' ? 'gone' : undefined;
}
