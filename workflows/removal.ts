import { ApplicationFailure, CancellationScope, isCancellation, log, patched } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { WorkItem } from '../common/contracts';
import { ERRORS, isErrorType } from '../common/errors';

/** Runs that began before Darkroom removed the outputs of failed runs replay without that. */
const PATCH = 'removes-outputs';

/** Does this run remove what it wrote when it ends without a result? Leaves a mark in the history. */
export function removesOutputs(): boolean {
  return patched(PATCH);
}

/** Also in a cancelled item; a removal that fails is in the log, and the item ends as it would have ended. */
export async function removeOutputs(item: WorkItem, activities: Pick<Activities, 'removeOutputs'>): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() => activities.removeOutputs(item));
  } catch (error) {
    log.warn('outputs that no manifest names were not removed', { error: String(error) });
  }
}

/**
 * May a failed activity that publishes by itself have left files? One that refuses its input publishes nothing, and one
 * that is cancelled removes what it has published; what is left are killed workers and stores that were away.
 */
export function mayHaveLeftFiles(error: unknown): boolean {
  if (isCancellation(error)) return false;
  const type = error instanceof ApplicationFailure ? error.type : undefined;
  return !isErrorType(type) || type === 'Quarantined' || ERRORS[type].blame === 'system';
}
