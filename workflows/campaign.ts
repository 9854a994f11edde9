import {
  ActivityCancellationType,
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { Activities } from '../activities';
import { ACTIVITIES, poolOf, type ActivityName } from '../activities/registry';
import {
  count,
  fresh,
  outOfBounds,
  type CampaignInput,
  type CampaignItem,
  type CampaignReport,
  type CampaignState,
  type Settlement,
} from '../common/campaign';
import type { ItemResult, WorkItem } from '../common/contracts';
import { LOST_AFTER_MS } from '../common/heartbeats';
import { KINDS } from '../common/kinds';
import { queuePrefix, taskQueue } from '../common/pools';
import { approve, campaign, pause, resume } from './names';

/** Old items asked for at once. */
const PAGE = 25;
/** Behind the canary, one of so many items is compared with its old outputs. */
const COMPARED = 5;
/** Share among those that wait at the lowest priority. */
const WEIGHT = 0.1;

const [BATCH, KIND, PRESET, TENANT] = (['MediaBatchId', 'MediaKind', 'MediaPreset', 'MediaTenant'] as const).map(
  (name) => defineSearchAttributeKey(name, 'KEYWORD'),
) as [Key, Key, Key, Key];
type Key = ReturnType<typeof defineSearchAttributeKey<'KEYWORD'>>;

/** An activity of a campaign, with the options of its row. */
function scheduled<Name extends ActivityName>(name: Name, item?: WorkItem): Activities[Name] {
  const options = {
    taskQueue: taskQueue(queuePrefix(workflowInfo().taskQueue), poolOf(name, item?.kind ?? 'image')),
    startToCloseTimeout: '1h',
    heartbeatTimeout: 'total' in ACTIVITIES[name] ? undefined : LOST_AFTER_MS.batch,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    priority: { priorityKey: 5 },
  } as const;
  return proxyActivities<Activities>(options)[name];
}

/**
 * Makes finished items again by another preset: some first, beside the old ones; when those are approved, they and all others
 * take the place of the old ones, a few at a time, at the lowest priority. It stops by itself where its figures leave the
 * bounds. Its items form a batch.
 */
export async function reprocess(input: CampaignInput, before?: CampaignState): Promise<CampaignReport> {
  const state: CampaignState = before ?? { report: fresh(), waiting: [], approved: input.approvesItself };
  const { report } = state;
  setHandler(campaign, () => report);
  setHandler(approve, () => void (state.approved = true));
  setHandler(pause, () => void (report.paused = true));
  setHandler(resume, () => void (report.paused = false));

  if (report.phase === 'canary') {
    while (state.waiting.length < input.canary) {
      const { items, next } = await nextPage(input, state, input.canary - state.waiting.length);
      await makeAll(input, report, items, (one) => void state.waiting.push(one));
      if (stop(input, report)) return report;
      if (next === undefined) break;
    }
    report.phase = 'awaiting approval';
    await condition(() => state.approved && !report.paused);
    report.phase = 'running';
    for (const one of state.waiting.splice(0)) await adopt(input, one);
    if (state.cursor === undefined) return completed(report);
  }
  for (;;) {
    const { items, next } = await nextPage(input, state, PAGE);
    await makeAll(input, report, items, (one) => adopt(input, one));
    if (stop(input, report)) return report;
    if (next === undefined) return completed(report);
    if (workflowInfo().continueAsNewSuggested) return continueAsNew<typeof reprocess>(input, state);
  }
}

function completed(report: CampaignReport): CampaignReport {
  report.phase = 'completed';
  return report;
}

function stop(input: CampaignInput, report: CampaignReport): boolean {
  report.reason = outOfBounds(report, input);
  if (report.reason === undefined) return false;
  report.phase = 'stopped';
  return true;
}

async function nextPage(input: CampaignInput, state: CampaignState, most: number) {
  const { id, preset, where } = input;
  const page = await scheduled('campaignItems')({ id, preset, where }, Math.min(PAGE, most), state.cursor);
  state.cursor = page.next;
  state.report.passedOver += page.passedOver;
  return page;
}

/** A few at a time; no further one is started while the campaign is paused, or out of its bounds. */
async function makeAll(
  input: CampaignInput,
  report: CampaignReport,
  items: CampaignItem[],
  then: (made: CampaignItem) => Promise<void> | void,
): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (;;) {
      await condition(() => !report.paused);
      const one = outOfBounds(report, input) === undefined ? queue.shift() : undefined;
      if (one === undefined) return;
      if (await makeOne(input, report, one)) await then(one);
    }
  };
  await Promise.all(Array.from({ length: input.atOnce }, work));
}

/** @returns whether it was made, and resembles the old one */
async function makeOne(input: CampaignInput, report: CampaignReport, one: CampaignItem): Promise<boolean> {
  const { item, old, bytes } = one;
  try {
    const result = (await executeChild(KINDS[item.kind].workflow, {
      args: [item],
      workflowId: `${item.batchId}/${item.itemKey}`,
      memo: { source: item.source.slice(0, 1000), output: item.output },
      typedSearchAttributes: new TypedSearchAttributes([
        { key: BATCH, value: item.batchId },
        { key: KIND, value: item.kind },
        { key: PRESET, value: item.preset.name },
        { key: TENANT, value: item.tenant },
      ]),
      priority: { priorityKey: 5, fairnessKey: item.batchId.slice(0, 64), fairnessWeight: WEIGHT },
    })) as ItemResult;
    count(report, bytes, result);
  } catch (error) {
    if (isCancellation(error)) throw error;
    report.failed++;
    return false;
  }
  if (report.phase !== 'canary' && report.made % COMPARED !== 0) return true;
  const ssim = await scheduled('compareOutputs', item)(item, old);
  if (ssim === undefined) return true;
  report.compared++;
  report.lowestSsim = Math.min(report.lowestSsim ?? 1, ssim);
  return ssim >= input.bounds.minSsim;
}

async function adopt({ id }: CampaignInput, { item, old }: CampaignItem): Promise<void> {
  await scheduled('adoptOutputs')(id, { made: item.output, old });
}

/** Goes through the items that a campaign has made, and puts the old manifests back, or gives the old outputs up. */
export async function settleCampaign(id: string, how: Settlement, cursor?: string): Promise<number> {
  let settled = 0;
  for (let next = cursor; ;) {
    const page = await scheduled('campaignPairs')(id, next);
    settled += await scheduled('settleOutputs')(id, page.pairs, how);
    next = page.next;
    if (next === undefined) return settled;
  }
}
