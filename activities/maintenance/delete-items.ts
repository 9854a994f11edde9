import { Context } from '@temporalio/activity';
import { workflowId } from '../../common/contracts';
import type { Deleted, DeletionInput } from '../../common/deletion';
import { forEachBounded } from '../../common/for-each-bounded';
import { batchQuery, quoted } from '../../temporal/batches/query';
import { pageOfRuns, type Run } from '../../temporal/batches/runs';
import { unlessNotFound } from '../../temporal/grpc';
import { inputOf } from '../../temporal/input';
import { checkFence } from '../attempt';
import { beating } from '../beating';
import type { ActivityDeps } from '../deps';
import { manifestIn, removeFolder } from '../removal';

const PAGE = 200;
const CONCURRENCY = 8;

/**
 * Deletes the files of closed items, and then their histories: what fails in between is found again by the next attempt. Files
 * of an item whose folder holds the manifest of another job stay.
 * @throws ApplicationFailure retryable while a store or the server is away
 */
export function deleteItems(deps: ActivityDeps, input: DeletionInput): Promise<Deleted> {
  const { client, info } = Context.current();
  const { storage, logger: log } = deps;
  const { namespace } = client.options;
  const { batchId, itemKey, output } = input;
  const deleted: Deleted = { runs: 0, files: 0, ...(info.heartbeatDetails as Partial<Deleted> | undefined) };
  return beating(deps, async (pulse) => {
    const onProgress = (): void => pulse.progress({ ...deleted });
    const remove = async (folder: string, key: string): Promise<void> => {
      const manifest = await manifestIn(storage, folder);
      if (manifest !== undefined && (manifest.batchId !== batchId || manifest.itemKey !== key)) return;
      deleted.files += await removeFolder(storage, folder, { log, onProgress });
    };
    const forget = async (run: Run): Promise<void> => {
      pulse.throwIfOver();
      if (run.closeTime === undefined) return;
      const { workflowId, runId } = run;
      // An attempt before this one may have deleted the history already.
      const item = await unlessNotFound(inputOf(client, workflowId, runId));
      if (item !== undefined) {
        await checkFence(deps, item);
        await remove(item.output, workflowId.slice(batchId.length + 1));
      }
      const request = { namespace, workflowExecution: { workflowId, runId } };
      if ((await unlessNotFound(client.workflowService.deleteWorkflowExecution(request))) !== undefined) deleted.runs++;
      onProgress();
    };
    if (output !== undefined && itemKey !== undefined) await remove(output, itemKey);
    const id = itemKey === undefined ? undefined : workflowId(batchId, itemKey);
    // Lists are a moment behind: in them a run that has just ended may be open still, or missing.
    const last = id === undefined ? undefined : await unlessNotFound(client.workflow.getHandle(id).describe());
    if (last !== undefined) await forget(last);
    const query = id === undefined ? batchQuery(batchId) : `WorkflowId = ${quoted(id)}`;
    let next: string | undefined;
    do {
      const page = await pageOfRuns(client, query, PAGE, next);
      next = page.next;
      const others = page.runs.filter(({ runId }) => runId !== last?.runId);
      await forEachBounded(others, CONCURRENCY, forget);
    } while (next !== undefined);
    return deleted;
  });
}
