import type { ItemResult, Preset, WorkItem } from './contracts';
import type { MediaKind } from './kinds';

/** A campaign makes finished items again by another preset. Types only, and what workflows and commands share. */
export interface CampaignInput {
  /** Of the campaign's workflow (`campaign/<id>`) and the batch that its items form. */
  id: string;
  preset: Preset;
  where: CampaignWhere;
  /** Items to make first, beside the old ones. */
  canary: number;
  /** CPU seconds of all items, after which no further one is started. */
  budgetCpuSeconds?: number;
  bounds: CampaignBounds;
  /** The canary needs nobody's approval where its figures are within the bounds. */
  approvesItself: boolean;
  /** Items at once. */
  atOnce: number;
}

/** Items that completed and that all of this holds for. */
export interface CampaignWhere {
  preset?: string;
  batch?: string;
  tenant?: string;
  kind?: MediaKind;
}

export interface CampaignBounds {
  /** Lowest structural similarity of a new output to the old one, 0–1. */
  minSsim: number;
  /** Most bytes of the new outputs, as a multiple of the old ones. */
  maxBytesRatio: number;
  /** Most failures, as a share of the items, 0–1. */
  maxFailures: number;
}

/** What a campaign has where nobody says otherwise. */
export const CAMPAIGN_DEFAULTS = {
  canary: 20,
  atOnce: 4,
  minSsim: 0.9,
  maxBytesRatio: 1.5,
  maxFailures: 0.02,
} as const;
/** Most items of a canary, and most items at once: a campaign carries the canary from run to run of its workflow. */
export const MOST_CANARY = 200;
export const MOST_AT_ONCE = 100;

/** An old item, and what it is to be made into. */
export interface CampaignItem {
  /** Without its preset, which the campaign has. */
  item: Omit<WorkItem, 'preset'>;
  old: OldItem;
}

export interface OldItem {
  workflowId: string;
  /** The run whose manifest is there. */
  runId: string;
  /** URI of its folder. */
  output: string;
  /** Of its outputs. */
  bytes: number;
}

export interface CampaignPage {
  items: CampaignItem[];
  /** Items that were found and are left as they are. */
  passedOver: number;
  next?: string;
}

export const CAMPAIGN_PHASES = ['canary', 'awaiting approval', 'running', 'completed', 'stopped', 'cancelled'] as const;
export type CampaignPhase = (typeof CAMPAIGN_PHASES)[number];
/** What comes of an item of a campaign, and what a settlement makes of it. */
export const CAMPAIGN_OUTCOMES = ['made', 'failed', 'rolled back', 'kept'] as const;
export type CampaignOutcome = (typeof CAMPAIGN_OUTCOMES)[number];

export interface CampaignReport {
  phase: CampaignPhase;
  paused: boolean;
  /** Why it stopped. */
  reason?: string;
  made: number;
  failed: number;
  /** Left as they are: made by this recipe already, of other wishes or another kind than the preset's, changed or replaced since. */
  passedOver: number;
  bytesBefore: number;
  bytesAfter: number;
  cpuSeconds: number;
  /** Items that were compared: all of the canary, and each fifth of the others. */
  compared: number;
  lowestSsim?: number;
  /** Those compared that resemble their old ones least, the least first. */
  pairs: ComparedPair[];
}

/** An item before and after, by their workflows' ids. */
export interface ComparedPair {
  old: string;
  made: string;
  ssim: number;
  bytesBefore: number;
  bytesAfter: number;
}

/** Pairs that a report keeps. */
const PAIRS = 24;

/** What a campaign carries from one run of its workflow to the next. */
export interface CampaignState {
  report: CampaignReport;
  /** Items that were made and wait for the approval. */
  waiting: CampaignItem[];
  cursor?: string;
  approved: boolean;
}

/** Folders (URIs) of an item that a campaign has made, and of the old one. */
export interface CampaignPair {
  made: string;
  old: string;
  /** The run that made it, by which its files are known. */
  run?: string;
}

/** Some items that a campaign has made. */
export interface CampaignPairs {
  pairs: CampaignPair[];
  /** Those that took the place of the old ones. Counted before they are settled: a settlement that is begun again cannot tell. */
  adopted?: number;
  next?: string;
}

/** `rollback` puts the old manifests back; `keep` gives the old outputs up. */
export const SETTLEMENTS = ['rollback', 'keep'] as const;
export type Settlement = (typeof SETTLEMENTS)[number];

export function campaignWorkflowId(id: string): string {
  return `campaign/${id}`;
}

const HASH = '[0-9a-f]{8}';
/** With a tenant before it, as its batches have. */
const CAMPAIGN_ID = new RegExp(`^(?:.+\\.)?reprocess-.*${HASH}$`);
const BESIDE = new RegExp(`\\.reprocess-${HASH}$`);

/** Can it be a campaign's id? */
export function isCampaignId(id: string): boolean {
  return CAMPAIGN_ID.test(id);
}

/** Beside the old item, in the same store and within the same tenant's place. */
export function besideOf(old: string, id: string): string {
  return `${old}.reprocess-${id.slice(-8)}`;
}

/** Is it a folder in which a campaign has made an item? */
export function isBeside(output: string): boolean {
  return BESIDE.test(output);
}

export function fresh(): CampaignReport {
  const none = { made: 0, failed: 0, passedOver: 0, bytesBefore: 0, bytesAfter: 0, cpuSeconds: 0, compared: 0 };
  return { phase: 'canary', paused: false, ...none, pairs: [] };
}

/** Counts an item that was made. */
export function count(report: CampaignReport, bytes: number, { bytesOut, cpuSeconds = 0 }: ItemResult): void {
  report.made++;
  report.bytesBefore += bytes;
  report.bytesAfter += bytesOut;
  report.cpuSeconds = Math.round((report.cpuSeconds + cpuSeconds) * 100) / 100;
}

/** Counts an item that was compared. */
export function countPair(report: CampaignReport, pair: ComparedPair): void {
  report.compared++;
  report.lowestSsim = Math.min(report.lowestSsim ?? 1, pair.ssim);
  report.pairs = [...report.pairs, pair].sort((a, b) => a.ssim - b.ssim).slice(0, PAIRS);
}

/** Items from which on shares and sums say something. */
const ENOUGH = 5;

/** Why the campaign has to stop; undefined: its figures are within the bounds. */
export function outOfBounds(
  report: CampaignReport,
  { bounds, budgetCpuSeconds = Infinity }: Pick<CampaignInput, 'bounds' | 'budgetCpuSeconds'>,
): string | undefined {
  const { made, failed, bytesBefore, bytesAfter, cpuSeconds, lowestSsim = 1 } = report;
  if (lowestSsim < bounds.minSsim)
    return `An output resembles the old one by ${lowestSsim.toFixed(3)} (SSIM), less than ${bounds.minSsim}.`;
  if (cpuSeconds >= budgetCpuSeconds) return `The budget of ${budgetCpuSeconds} CPU seconds is spent.`;
  if (made + failed < ENOUGH) return undefined;
  if (failed > (made + failed) * bounds.maxFailures) return `${failed} of ${made + failed} items failed.`;
  if (bytesAfter > bytesBefore * bounds.maxBytesRatio)
    return `The new outputs have ${(bytesAfter / bytesBefore).toFixed(2)} times the bytes of the old ones.`;
  return undefined;
}
