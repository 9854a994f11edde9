import { createHash } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import {
  besideOf,
  campaignWorkflowId,
  isBeside,
  type CampaignInput,
  type CampaignItem,
  type CampaignPage,
  type CampaignPairs,
  type CampaignReport,
} from '../../common/campaign';
import type { WorkItem } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import { recipeHash } from '../../media/presets';
import { bytesOf } from '../../storage';
import { filterQuery } from '../../temporal/batches/filter';
import { completedQuery } from '../../temporal/batches/query';
import { attribute, latestOnly, memoText, pageOfRuns, stateOf, type Run } from '../../temporal/batches/runs';
import { unlessNotFound } from '../../temporal/grpc';
import { inputOf } from '../../temporal/input';
import type { ActivityDeps } from '../deps';
import { manifestIn } from '../removal';
import { beating } from '../beating';

/** What a campaign is about. */
export type CampaignScope = Pick<CampaignInput, 'id' | 'preset' | 'where'>;

/** Items that a settlement takes at once. */
const PAIRS = 50;
/** Items looked at at once. */
const AT_ONCE = 8;
/** Looks, a second and more apart, for which a list may lack an item that has just ended. */
const LOOKS = 8;

/** Old items that a campaign is about, those that ended last first. */
export function campaignItems(
  deps: ActivityDeps,
  scope: CampaignScope,
  most: number,
  cursor?: string,
): Promise<CampaignPage> {
  const { client } = Context.current();
  return beating(deps, async (pulse) => {
    const query = filterQuery({ ...scope.where, state: 'succeeded' });
    const { runs, next } = await pageOfRuns(client, query, most, cursor);
    const items: (CampaignItem | undefined)[] = [];
    await forEachBounded(runs.entries(), AT_ONCE, async ([index, run]) => {
      pulse.throwIfOver();
      items[index] = await itemOf(deps, scope, run);
      pulse.progress({ step: 'find', index });
    });
    const found = items.filter((one) => one !== undefined);
    return { items: found, passedOver: runs.length - found.length, next };
  });
}

/** Undefined for what is left as it is. */
async function itemOf(
  { storage }: ActivityDeps,
  { id, preset }: CampaignScope,
  run: Run,
): Promise<CampaignItem | undefined> {
  // What campaigns make is no old item.
  if (attribute(run, 'MediaBatchId') === id || isBeside(memoText(run, 'output') ?? '')) return undefined;
  const { client } = Context.current();
  const input = await unlessNotFound(inputOf(client, run.workflowId, run.runId));
  // What a job wished otherwise is not in any preset.
  if (input === undefined || input.preset.adjusted) return undefined;
  const manifest = await manifestIn(storage, input.output);
  // A later run may have replaced it.
  if (manifest?.workflow.runId !== run.runId) return undefined;
  const { kind } = manifest;
  const { preset: _preset, callbackUrl: _url, requestedAt: _at, force: _force, metadata: _metadata, ...rest } = input;
  const recipe = recipeHash(preset, kind, rest.inputs);
  if (preset[kind] === undefined || manifest.preset.recipe === recipe) return undefined;
  const old = {
    workflowId: run.workflowId,
    runId: run.runId,
    output: input.output,
    bytes: bytesOf(manifest.renditions),
  };
  const item: CampaignItem['item'] = {
    ...{ ...rest, batchId: id, itemKey: keyOf(rest), kind, output: besideOf(old.output, id), recipe },
    ...{ priority: 5, mode: 'batch' },
  };
  return { item, old };
}

/** Unique within the campaign, whatever batches the old items are of, and as long as keys may be. */
function keyOf({ batchId, itemKey }: Pick<WorkItem, 'batchId' | 'itemKey'>): string {
  const hash = createHash('sha256').update(`${batchId}/${itemKey}`).digest('hex').slice(0, 12);
  return `${itemKey.slice(0, 80)}-${hash}`;
}

/**
 * The items that a campaign has made, once it has ended; it is cancelled where it is open.
 * @throws ApplicationFailure, a benign one, until then
 */
export function campaignPairs(deps: ActivityDeps, id: string, cursor?: string): Promise<CampaignPairs> {
  const { client, info } = Context.current();
  return beating(deps, async (pulse) => {
    if (cursor === undefined) await requireEnd(id, info.attempt);
    const { runs: all, next } = await pageOfRuns(client, completedQuery(id), PAIRS, cursor);
    // A campaign that was begun again has made the items of its canary twice.
    const runs = await latestOnly(client, completedQuery(id), all);
    const pairs = runs.flatMap((run) => {
      const made = memoText(run, 'output');
      const suffix = besideOf('', id);
      return made?.endsWith(suffix) ? [{ made, old: made.slice(0, -suffix.length), run: run.runId }] : [];
    });
    let adopted = 0;
    await forEachBounded(pairs.entries(), AT_ONCE, async ([index, { old }]) => {
      if ((await manifestIn(deps.storage, old))?.before?.campaign === id) adopted++;
      pulse.progress({ step: 'find', index });
    });
    return { pairs, adopted, next };
  });
}

/** Lists of runs are a second or so behind: an item that was made last must not be left out. */
async function requireEnd(id: string, attempt: number): Promise<void> {
  const { client } = Context.current();
  const handle = client.workflow.getHandle(campaignWorkflowId(id));
  const run = await unlessNotFound(handle.describe());
  if (run === undefined) return;
  if (stateOf(run) === 'open') {
    await handle.cancel();
    throw notYet('The campaign is open.');
  }
  if (attempt > LOOKS) return;
  const { made } = await handle.query<CampaignReport>('campaign');
  const { count } = await client.workflow.count(completedQuery(id));
  if (count < made) throw notYet(`${count} of ${made} items show in lists.`);
}

function notYet(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'StillOpen', message, category: ApplicationFailureCategory.BENIGN });
}
