import type { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { HELD, HELD_AGAIN_MS } from '../common/heartbeats';
import { isMarkedPaused } from '../temporal/batches/paused';

/**
 * Keeps a further attempt from starting while its item is paused. A pause holds what is queued by the server's own operation;
 * the step that ran at that time may fail, or lose its worker, and then only its next attempt can know of the pause.
 * @throws ApplicationFailure, a benign one, while the item is paused: the server asks again after a while
 */
export async function throwIfPaused(context: Pick<Context, 'info' | 'client'>): Promise<void> {
  if (context.info.attempt === 1 || !(await isPaused(context))) return;
  throw ApplicationFailure.create({
    type: HELD,
    message: 'The item is paused.',
    nextRetryDelay: HELD_AGAIN_MS,
    category: ApplicationFailureCategory.BENIGN,
  });
}

/** False where nobody can say: work that is wanted does not wait for a look at the pause. */
async function isPaused(context: Pick<Context, 'info' | 'client'>): Promise<boolean> {
  const { workflowId = '', runId } = context.info.workflowExecution ?? {};
  try {
    return isMarkedPaused(await context.client.workflow.getHandle(workflowId, runId).describe());
  } catch {
    return false;
  }
}
