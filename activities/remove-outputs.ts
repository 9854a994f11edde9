import { ApplicationFailure, Context } from '@temporalio/activity';
import type { WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { checkFence } from './attempt';
import type { ActivityDeps } from './deps';
import { Pulse } from './pulse';
import { removeStrays } from './removal';

/**
 * Removes what a run that ends without a result has put into storage: outputs that no manifest names, and intermediates.
 * The evidence of a quarantine stays. A store that refuses to remove files is no failure; one that is away is asked again.
 * @throws ApplicationFailure while the store is away
 */
export async function removeOutputs(deps: ActivityDeps, item: WorkItem): Promise<void> {
  const context = Context.current();
  const { workflowExecution, attempt } = context.info;
  const log = deps.logger.child({ workflowId: workflowExecution?.workflowId, attempt });
  const pulse = new Pulse(context, deps.config.ioStall, context.info.heartbeatTimeoutMs);
  try {
    await checkFence(deps, item);
    await removeStrays(deps.storage, item.output, workflowExecution?.runId ?? '', {
      log,
      onProgress: (removed) => pulse.progress({ step: 'remove', removed }),
    });
  } catch (error) {
    if (!(error instanceof DarkroomError)) throw error;
    if (error.retryable) throw ApplicationFailure.retryable(error.message, error.type);
    log.warn({ error: error.message }, 'the outputs of an item without a result could not be removed');
  } finally {
    pulse.stop();
  }
}
