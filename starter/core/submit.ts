import { createHash } from 'node:crypto';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { workflowId, type WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { WORKFLOW_TASK_MS } from '../../common/heartbeats';
import { taskQueue } from '../../common/pools';
import { KINDS } from '../../common/kinds';
import { withoutSignature } from '../../net/url';
import type { Storage } from '../../storage';
import { attribute, MAX_MEMO_TEXT, memoText, stateOf, type Run } from '../../temporal/batches/runs';
import type * as workflows from '../../workflows';
import { inputOf } from '../../temporal/input';
import { retrying, type RetryOptions } from './lib/grpc';
import { isPublished } from './published';

/** `joined`: it already ran. `skipped`: its outputs are there, made from the same source by the same recipe. */
export type Submitted = 'started' | 'joined' | 'skipped';

/** What submitting needs: Temporal, the place of the outputs, and the prefix of the task queues. */
export interface SubmitContext {
  client: Client;
  storage: Storage;
  queuePrefix: string;
  /** Worker versions only: the build that has to process the item, whatever gets new items. */
  pinnedTo?: { deploymentName: string; buildId: string };
}

export interface SubmitOptions extends RetryOptions {
  /** Do it again even where the outputs are there. */
  force?: boolean;
}

type ItemWorkflow = typeof workflows.processImage;

/** Does not compile while a kind's workflow is not exported by workflows/. */
const workflowType = (item: WorkItem): keyof typeof workflows => KINDS[item.kind].workflow;

const BATCH = defineSearchAttributeKey('MediaBatchId', 'KEYWORD');
const KIND = defineSearchAttributeKey('MediaKind', 'KEYWORD');
const PRESET = defineSearchAttributeKey('MediaPreset', 'KEYWORD');
const TENANT = defineSearchAttributeKey('MediaTenant', 'KEYWORD');

/** Longest summary in the Web UI, in bytes of what the server takes (400). */
const MAX_SUMMARY = 190;

/** What became of a submission. */
export interface Outcome {
  status: Submitted;
  /** Of the run that was started or joined. */
  runId?: string;
}

/**
 * Submits an item unless it is done. Submitting it twice is one run, whether at once or years apart.
 * A server that is away for a while is waited for.
 * @throws DarkroomError Conflict while the item is open for another source, preset or output
 */
export async function submitItem(
  context: SubmitContext,
  item: WorkItem,
  options: SubmitOptions = {},
): Promise<Outcome> {
  if (!options.force && (await isPublished(context.storage, item, options.signal))) return { status: 'skipped' };
  const wanted = options.force ? { ...item, force: true } : item;
  return retrying(() => startOrJoin(context, wanted, options), options);
}

/** Starts an item's run; one that succeeded once counts for nothing, since its outputs are gone, outdated or not wanted. */
async function startOrJoin(context: SubmitContext, item: WorkItem, options: SubmitOptions): Promise<Outcome> {
  const { client, storage } = context;
  const first = await startUnlessKnown(context, item);
  if (first !== undefined) return { status: 'started', runId: first };
  const run = await client.workflow.getHandle(workflowId(item.batchId, item.itemKey)).describe();
  if (stateOf(run) === 'open') {
    if (await isSameJob(client, run, item)) return { status: 'joined', runId: run.runId };
    throw new DarkroomError(
      'Conflict',
      `The item "${item.itemKey}" is open for another source, preset or output; wait for its end or use another id.`,
    );
  }
  // Of two who ask at once, the other one's run may have ended since we looked.
  if (!options.force && (await isPublished(storage, item, options.signal))) return { status: 'skipped' };
  const again = await start(context, item, WorkflowIdReusePolicy.ALLOW_DUPLICATE);
  return again === undefined ? startOrJoin(context, item, options) : { status: 'started', runId: again };
}

/** Starts an item's run. @returns its id; undefined: one is open, or one has succeeded */
export function startUnlessKnown(context: SubmitContext, item: WorkItem): Promise<string | undefined> {
  return start(context, item, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY);
}

/** @returns the run's id; undefined where the policy does not allow it, or one is open */
async function start(
  context: SubmitContext,
  item: WorkItem,
  workflowIdReusePolicy: WorkflowIdReusePolicy,
): Promise<string | undefined> {
  try {
    const handle = await context.client.workflow.start<ItemWorkflow>(workflowType(item), {
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

/** Was the run started for the item's source, preset and output? */
export async function isSameJob(client: Client, run: Run, item: WorkItem): Promise<boolean> {
  if (attribute(run, 'MediaPreset') !== item.preset.name) return false;
  const [source, output] = [memoText(run, 'source'), memoText(run, 'output')];
  if (output !== undefined && output !== item.output) return false;
  const wanted = withoutSignature(item.source);
  // A name does not say what the job wished otherwise.
  if (item.preset.adjusted && (await inputOf(client, run.workflowId, run.runId)).recipe !== item.recipe) return false;
  if (source === undefined || source.length < MAX_MEMO_TEXT) return withoutSignature(source ?? item.source) === wanted;
  // Cut short it says nothing of the rest.
  return withoutSignature((await inputOf(client, run.workflowId, run.runId)).source) === wanted;
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
  { queuePrefix, pinnedTo }: SubmitContext,
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
    typedSearchAttributes: new TypedSearchAttributes([
      { key: BATCH, value: item.batchId },
      { key: KIND, value: item.kind },
      { key: PRESET, value: item.preset.name },
      { key: TENANT, value: item.tenant },
    ]),
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
