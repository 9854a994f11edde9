import type { ItemResult, Preset, WorkItem } from './contracts';
import type { MediaKind } from './kinds';

/** A campaign makes finished items again by another preset. Types only, and what workflows and commands share. */
export interface CampaignInput {
  /** Of the campaign's workflow (`campaign/<id>`) and the batch that its items form. */
  id: string;
  preset: Preset;
  /** Items that completed and that all of this holds for. */
  where: { preset?: string; batch?: string; tenant?: string; kind?: MediaKind };
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

export interface CampaignBounds {
  /** Lowest structural similarity of a new output to the old one, 0–1. */
  minSsim: number;
  /** Most bytes of the new outputs, as a multiple of the old ones. */
  maxBytesRatio: number;
  /** Most failures, as a share of the items, 0–1. */
  maxFailures: number;
}

/** An old item, and what it is to be made into. */
export interface CampaignItem {
  item: WorkItem;
  /** URI of the old item's folder. */
  old: string;
  /** Of the old outputs. */
  bytes: number;
}

export interface CampaignPage {
  items: CampaignItem[];
  /** Items that were found and are left as they are: made by this recipe already, replaced, or of a kind without a section. */
  passedOver: number;
  next?: string;
}

export type CampaignPhase = 'canary' | 'awaiting approval' | 'running' | 'completed' | 'stopped';

export interface CampaignReport {
  phase: CampaignPhase;
  paused: boolean;
  /** Why it stopped. */
  reason?: string;
  made: number;
  failed: number;
  passedOver: number;
  bytesBefore: number;
  bytesAfter: number;
  cpuSeconds: number;
  /** Of the items that were compared: all of the canary, and each fifth of the others. */
  compared: number;
  lowestSsim?: number;
}

/** What a campaign carries from one run of its workflow to the next. */
export interface CampaignState {
  report: CampaignReport;
  /** Items that were made and wait for the approval. */
  waiting: CampaignItem[];
  cursor?: string;
  approved: boolean;
}

/** An item of a campaign as its run tells: the folder that it was made in, and that of the old one. */
export interface CampaignPair {
  made: string;
  old: string;
}

/** `rollback` puts the old manifests back; `keep` gives the old outputs up. */
export type Settlement = 'rollback' | 'keep';

export function campaignWorkflowId(id: string): string {
  return `campaign/${id}`;
}

/** Beside the old item, in the same store and within the same tenant's place. */
export function besideOf(old: string, id: string): string {
  return `${old}.${id}`;
}

export function fresh(): CampaignReport {
  const none = { made: 0, failed: 0, passedOver: 0, bytesBefore: 0, bytesAfter: 0, cpuSeconds: 0, compared: 0 };
  return { phase: 'canary', paused: false, ...none };
}

/** Counts an item that was made. */
export function count(report: CampaignReport, bytes: number, { bytesOut, cpuSeconds = 0 }: ItemResult): void {
  report.made++;
  report.bytesBefore += bytes;
  report.bytesAfter += bytesOut;
  report.cpuSeconds = Math.round((report.cpuSeconds + cpuSeconds) * 100) / 100;
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
