import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { workflowId, type WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { withoutSignature } from '../../net/url';
import type { Storage } from '../../storage';
import { attribute, MAX_MEMO_TEXT, memoText, stateOf, type Run } from '../../temporal/batches/runs';
import { retrying, type RetryOptions } from '../../temporal/grpc';
import { inputOf } from '../../temporal/input';
import { start, startUnlessKnown, type StartContext } from '../../temporal/items/start';
import { isPublished } from './published';

/** `joined`: it already ran. `skipped`: its outputs are there, made from the same source by the same recipe. */
export type Submitted = 'started' | 'joined' | 'skipped';

/** What submitting needs: Temporal, the place of the outputs, and the prefix of the task queues. */
export interface SubmitContext extends StartContext {
  storage: Storage;
}

export interface SubmitOptions extends RetryOptions {
  /** Do it again even where the outputs are there. */
  force?: boolean;
}

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
