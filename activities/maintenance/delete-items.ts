import { ApplicationFailure, Context } from '@temporalio/activity';
import { isGrpcServiceError, type Client } from '@temporalio/client';
import { workflowId, type WorkItem } from '../../common/contracts';
import type { Deleted, DeletionInput } from '../../common/deletion';
import { DarkroomError } from '../../common/errors';
import { forEachBounded } from '../../common/for-each-bounded';
import { batchQuery, quoted } from '../../temporal/batches/query';
import { pageOfRuns, type Run } from '../../temporal/batches/runs';
import { inputOf } from '../../temporal/input';
import type { ActivityDeps } from '../deps';
import { Pulse } from '../pulse';
import { checkFence } from '../attempt';
import { filesIn, manifestIn, removeAll } from '../removal';

const PAGE = 200;
const CONCURRENCY = 8;
const NOT_FOUND = 5;

/**
 * Deletes the files of closed items, and then their histories: what fails in between is found again by the next attempt. Files
 * of an item whose folder holds the manifest of another job stay.
 * @throws ApplicationFailure retryable while a store or the server is away
 */
export async function deleteItems(deps: ActivityDeps, input: DeletionInput): Promise<Deleted> {
  const context = Context.current();
  const { client, info } = context;
  const pulse = new Pulse(context, deps.config.ioStall, info.heartbeatTimeoutMs);
  const deleted: Deleted = { runs: 0, files: 0, ...(info.heartbeatDetails as Partial<Deleted> | undefined) };
  const { batchId, itemKey, output } = input;
  const removeFolder = async (folder: string, key: string): Promise<void> => {
    const manifest = await manifestIn(deps.storage, folder);
    if (manifest !== undefined && (manifest.batchId !== batchId || manifest.itemKey !== key)) return;
    // What says that the item is published goes first.
    const uris: string[] = [];
    for await (const uri of filesIn(deps.storage, folder, deps.logger)) uris.push(uri);
    const isManifest = (uri: string): boolean => uri.endsWith('/manifest.json');
    await removeAll(deps.storage, uris.filter(isManifest));
    await removeAll(
      deps.storage,
      uris.filter((uri) => !isManifest(uri)),
      () => pulse.progress({ ...deleted }),
    );
    deleted.files += uris.length;
  };
  try {
    if (output !== undefined && itemKey !== undefined) await removeFolder(output, itemKey);
    const query = itemKey === undefined ? batchQuery(batchId) : `WorkflowId = ${quoted(workflowId(batchId, itemKey))}`;
    let next: string | undefined;
    do {
      const page = await pageOfRuns(client, query, PAGE, next);
      next = page.next;
      await forEachBounded(page.runs, CONCURRENCY, async (run) => {
        pulse.throwIfOver();
        if (run.closeTime === undefined) return;
        const key = run.workflowId.slice(batchId.length + 1);
        const item = await itemOf(client, run);
        if (item !== undefined) {
          await checkFence(deps, item);
          await removeFolder(item.output, key);
        }
        if (await forget(client, run)) deleted.runs++;
        pulse.progress({ ...deleted });
      });
    } while (next !== undefined);
    return deleted;
  } catch (error) {
    const cause = pulse.stalled ?? error;
    if (!(cause instanceof DarkroomError)) throw cause;
    throw ApplicationFailure.create({ message: cause.message, type: cause.type, nonRetryable: !cause.retryable });
  } finally {
    pulse.stop();
  }
}

/** Undefined where an attempt before this one has deleted the history already. */
async function itemOf(client: Client, { workflowId, runId }: Run): Promise<WorkItem | undefined> {
  try {
    return await inputOf(client, workflowId, runId);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function forget(client: Client, { workflowId, runId }: Run): Promise<boolean> {
  const { namespace } = client.options;
  try {
    await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return isGrpcServiceError(error) && Number(error.code) === NOT_FOUND;
}
