import { Context } from '@temporalio/activity';
import {
  besideOf,
  type CampaignInput,
  type CampaignItem,
  type CampaignPage,
  type CampaignPair,
} from '../../common/campaign';
import type { Manifest, WorkItem } from '../../common/contracts';
import { recipeHash } from '../../media/presets';
import { filterQuery } from '../../temporal/batches/filter';
import { completedQuery } from '../../temporal/batches/query';
import { attribute, memoText, pageOfRuns, type Run } from '../../temporal/batches/runs';
import { inputOf } from '../../temporal/input';
import type { ActivityDeps } from '../deps';
import { manifestIn } from '../removal';

const PAIRS = 50;

/** Old items that a campaign is about, those that ended last first. */
export async function campaignItems(
  deps: ActivityDeps,
  { id, preset, where }: Pick<CampaignInput, 'id' | 'preset' | 'where'>,
  most: number,
  cursor?: string,
): Promise<CampaignPage> {
  const { client } = Context.current();
  const query = filterQuery({ ...where, state: 'succeeded' });
  const { runs, next } = await pageOfRuns(client, query, most, cursor);
  const items: CampaignItem[] = [];
  for (const run of runs) {
    // What campaigns make is no old item.
    if (attribute(run, 'MediaBatchId') === id || memoText(run, 'output')?.includes('.reprocess-')) continue;
    const old = await inputOf<WorkItem>(client, run.workflowId, run.runId).catch(() => undefined);
    const manifest = old && (await manifestIn(deps.storage, old.output));
    if (old === undefined || manifest === undefined || !isOf(manifest, run)) continue;
    const { kind } = manifest;
    if (preset[kind] === undefined || manifest.preset.recipe === recipeHash(preset, kind)) continue;
    const { callbackUrl: _, requestedAt: __, ...rest } = old;
    const item: WorkItem = {
      ...{ ...rest, kind, batchId: id, itemKey: `${old.batchId}.${old.itemKey}`, output: besideOf(old.output, id) },
      ...{ preset: { name: preset.name, [kind]: preset[kind] }, recipe: recipeHash(preset, kind) },
      ...{ priority: 5, mode: 'batch', force: true },
    };
    items.push({ item, old: old.output, bytes: bytesOf(manifest) });
  }
  return { items, passedOver: runs.length - items.length, next };
}

/** The manifest there is the run's own: no later run, and no campaign, has replaced it. */
function isOf(manifest: Manifest, run: Run): boolean {
  return manifest.workflow.runId === run.runId;
}

function bytesOf({ renditions }: Manifest): number {
  return renditions.reduce((sum, { bytes, segments }) => sum + bytes + (segments?.bytes ?? 0), 0);
}

/** The items that a campaign has made. */
export async function campaignPairs(
  _deps: ActivityDeps,
  id: string,
  cursor?: string,
): Promise<{ pairs: CampaignPair[]; next?: string }> {
  const { runs, next } = await pageOfRuns(Context.current().client, completedQuery(id), PAIRS, cursor);
  const pairs = runs.flatMap((run) => {
    const made = memoText(run, 'output');
    const suffix = besideOf('', id);
    return made?.endsWith(suffix) ? [{ made, old: made.slice(0, -suffix.length) }] : [];
  });
  return { pairs, next };
}
