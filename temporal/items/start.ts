import { createHash } from 'node:crypto';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { workflowId, type WorkItem } from '../../common/contracts';
import { WORKFLOW_TASK_MS } from '../../common/heartbeats';
import { attributesOf } from '../../common/item-attributes';
import { KINDS } from '../../common/kinds';
import { taskQueue } from '../../common/pools';
import { withoutSignature } from '../../net/url';
import { MAX_MEMO_TEXT } from '../batches/runs';

/** What starting an item's run needs: Temporal, and the prefix of the task queues. */
export interface StartContext {
  client: Client;
  queuePrefix: string;
  /** Worker versions only: the build that has to process the item, whatever gets new items. */
  pinnedTo?: { deploymentName: string; buildId: string };
}

/** Longest summary in the Web UI, in bytes of what the server takes (400). */
const MAX_SUMMARY = 190;

/** Starts an item's run. @returns its id; undefined: one is open, or one has succeeded */
export function startUnlessKnown(context: StartContext, item: WorkItem): Promise<string | undefined> {
  return start(context, item, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY);
}

/** Starts an item's run. @returns its id; undefined where the policy does not allow it, or one is open */
export async function start(
  context: StartContext,
  item: WorkItem,
  workflowIdReusePolicy: WorkflowIdReusePolicy,
): Promise<string | undefined> {
  try {
    const handle = await context.client.workflow.start(KINDS[item.kind].workflow, {
      ...startOptions(context, item),
      workflowIdReusePolicy,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    });
    return handle.firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

/** Bytes of a fairness key that the server takes. */
const MAX_FAIRNESS_KEY = 64;

/** Whose turn an item takes: its tenant's, and without tenants its batch's. Within a priority, those who wait take turns. */
export function fairnessKey({ tenant, confined, batchId }: Pick<WorkItem, 'tenant' | 'confined' | 'batchId'>): string {
  const key = confined || tenant !== 'default' ? tenant : batchId;
  // Ids of batches are longer, tenants are not.
  return key.length <= MAX_FAIRNESS_KEY ? key : createHash('sha256').update(key).digest('hex');
}

/** No execution timeout: an item may wait for a worker as long as it takes; its activities have their own limits. */
function startOptions(
  { queuePrefix, pinnedTo }: StartContext,
  item: WorkItem,
): WorkflowStartOptions & { args: [WorkItem] } {
  // A signature is a secret: people read the summary and the memo, the run has the whole URL in its input.
  const source = withoutSignature(item.source);
  const name = source.length > MAX_SUMMARY ? `…${source.slice(-MAX_SUMMARY)}` : source;
  return {
    workflowId: workflowId(item.batchId, item.itemKey),
    taskQueue: taskQueue(queuePrefix, 'workflows'),
    args: [item],
    workflowTaskTimeout: WORKFLOW_TASK_MS[item.mode ?? 'batch'],
    typedSearchAttributes: attributesOf(item),
    memo: {
      source: source.slice(0, MAX_MEMO_TEXT),
      // Cut short it would lead nowhere.
      ...(item.output.length <= MAX_MEMO_TEXT && { output: item.output }),
    },
    priority: { priorityKey: item.priority, fairnessKey: fairnessKey(item), fairnessWeight: item.weight },
    ...(pinnedTo !== undefined && { versioningOverride: { pinnedTo } }),
    staticSummary: Buffer.byteLength(name) <= 400 ? name : item.itemKey,
  };
}
