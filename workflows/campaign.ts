import {
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  proxySinks,
  setHandler,
  workflowInfo,
  type Sinks,
} from '@temporalio/workflow';
import {
  count,
  countPair,
  fresh,
  outOfBounds,
  type CampaignInput,
  type CampaignItem,
  type CampaignOutcome,
  type CampaignPhase,
  type CampaignReport,
  type CampaignState,
  type Settlement,
} from '../common/campaign';
import type { ItemResult, WorkItem } from '../common/contracts';
import { WORKFLOW_TASK_MS } from '../common/heartbeats';
import { attributesOf } from '../common/item-attributes';
import { KINDS } from '../common/kinds';
import { withoutSignature } from '../net/url';
import { activitiesOf } from './activity-options';
import { approve, campaign, pause, resume } from '../temporal/signals';

/** Old items asked for at once. */
const PAGE = 25;
/** Behind the canary, one of so many items is compared with its old outputs. */
const COMPARED = 5;
/** Share among those that wait at the lowest priority. */
const WEIGHT = 0.1;

/** Where campaigns tell the worker's metrics how far they are; never called during replay. */
export interface CampaignSinks extends Sinks {
  campaigns: { reached(phase: CampaignPhase): void; counted(outcome: CampaignOutcome, items: number): void };
}

const sinks = proxySinks<CampaignSinks>();

function enter(report: CampaignReport, phase: CampaignPhase): void {
  report.phase = phase;
  sinks.campaigns.reached(phase);
}

/** What no item is needed for goes to the pool of workflows, at the lowest priority. */
const activities = (kind: WorkItem['kind'] = 'image') =>
  activitiesOf({ kind }, undefined, { priority: { priorityKey: 5 } });

/**
 * Makes finished items again by another preset: some first, beside the old ones; when those are approved, they and all others
 * take the place of the old ones, a few at a time, at the lowest priority. It stops by itself where its figures leave the
 * bounds. Its items form a batch.
 */
export async function reprocess(input: CampaignInput, before?: CampaignState): Promise<CampaignReport> {
  const state: CampaignState = before ?? { report: fresh(), waiting: [], approved: input.approvesItself };
  const { report } = state;
  if (before === undefined) enter(report, 'canary');
  setHandler(campaign, () => report);
  setHandler(approve, () => void (state.approved = true));
  setHandler(pause, () => void (report.paused = true));
  setHandler(resume, () => void (report.paused = false));
  try {
    while (await goesOn(input, state)) {
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof reprocess>(input, state);
    }
    return report;
  } catch (error) {
    if (isCancellation(error)) enter(report, 'cancelled');
    throw error;
  }
}

/** One page of old items. @returns whether there are more to make */
async function goesOn(input: CampaignInput, state: CampaignState): Promise<boolean> {
  const { report, waiting } = state;
  const most = report.phase === 'canary' ? Math.min(PAGE, input.canary - waiting.length) : PAGE;
  const { id, preset, where } = input;
  const page = await activities().campaignItems({ id, preset, where }, most, state.cursor);
  state.cursor = page.next;
  report.passedOver += page.passedOver;
  await makeAll(input, report, page.items, (one) => {
    if (report.phase !== 'canary') return adopt(input, report, one);
    waiting.push(one);
    return Promise.resolve();
  });
  report.reason = outOfBounds(report, input);
  if (report.reason !== undefined) {
    enter(report, 'stopped');
    return false;
  }
  if (
    report.phase === 'canary' &&
    (waiting.length >= input.canary || (page.next === undefined && waiting.length > 0))
  ) {
    enter(report, 'awaiting approval');
    await condition(() => state.approved && !report.paused);
    enter(report, 'running');
    for (const one of waiting.splice(0)) await adopt(input, report, one);
  }
  if (page.next === undefined) enter(report, 'completed');
  return page.next !== undefined;
}

/** A few at a time; no further one is started while the campaign is paused, or out of its bounds. */
async function makeAll(
  input: CampaignInput,
  report: CampaignReport,
  items: CampaignItem[],
  then: (made: CampaignItem) => Promise<void>,
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

/** @returns whether it was made, and resembles the old one as far as was asked */
async function makeOne(
  input: CampaignInput,
  report: CampaignReport,
  { item: bare, old }: CampaignItem,
): Promise<boolean> {
  const { bounds } = input;
  const item = whole(input, bare);
  const result = await unlessFailed(report, () => makeItem(item));
  if (result === undefined) return false;
  count(report, old.bytes, result);
  sinks.campaigns.counted('made', 1);
  if (report.phase !== 'canary' && report.made % COMPARED !== 0) return true;
  const found = await unlessFailed(report, async () => ({
    ssim: await activities(item.kind).compareOutputs(item, old.output),
  }));
  if (found === undefined) return false;
  const { ssim } = found;
  if (ssim === undefined) return true;
  const made = `${item.batchId}/${item.itemKey}`;
  countPair(report, { old: old.workflowId, made, ssim, bytesBefore: old.bytes, bytesAfter: result.bytesOut });
  return ssim >= bounds.minSsim;
}

/** With its preset, of which the other kinds' sections would only swell the history. */
function whole({ preset }: CampaignInput, item: CampaignItem['item']): WorkItem {
  return { ...item, preset: { name: preset.name, [item.kind]: preset[item.kind] } };
}

function makeItem(item: WorkItem): Promise<ItemResult> {
  return executeChild<(item: WorkItem) => Promise<ItemResult>>(KINDS[item.kind].workflow, {
    args: [item],
    workflowId: `${item.batchId}/${item.itemKey}`,
    workflowTaskTimeout: WORKFLOW_TASK_MS.batch,
    memo: { source: withoutSignature(item.source).slice(0, 1000), output: item.output },
    typedSearchAttributes: attributesOf(item),
    // The end of an id tells campaigns apart; the server takes 64 bytes.
    priority: { priorityKey: 5, fairnessKey: item.batchId.slice(-64), fairnessWeight: WEIGHT },
  });
}

async function adopt(input: CampaignInput, report: CampaignReport, { item, old }: CampaignItem): Promise<void> {
  const done = await unlessFailed(report, async () => ({
    adopted: await activities(item.kind).adoptOutputs(input.id, whole(input, item), old),
  }));
  if (done?.adopted === false) report.passedOver++;
}

/** Counts what fails for good; nothing else ends a campaign but its bounds. */
async function unlessFailed<T>(report: CampaignReport, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    report.failed++;
    sinks.campaigns.counted('failed', 1);
    return undefined;
  }
}

/** Goes through the items that a campaign has made, and puts the old manifests back, or gives the old outputs up. */
export async function settleCampaign(id: string, how: Settlement, cursor?: string, before = 0): Promise<number> {
  let settled = before;
  for (let next = cursor; ;) {
    const page = await activities().campaignPairs(id, next);
    const changed = await activities().settleOutputs(id, page.pairs, how);
    // A worker of the version before counts none.
    const { adopted = changed } = page;
    sinks.campaigns.counted(how === 'rollback' ? 'rolled back' : 'kept', adopted);
    settled += adopted;
    next = page.next;
    if (next === undefined) return settled;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof settleCampaign>(id, how, next, settled);
  }
}
