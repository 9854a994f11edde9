import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { CampaignReport } from '../common/campaign';
import type { ItemProgress } from '../common/contracts';

/** Signals and queries of item workflows, typed: workflows handle them and clients send them by these definitions. */

/**
 * Holds the item before its next activity; what runs now runs to its end.
 * `mark`: the namespace has the search attribute `MediaState`, so the run shows there that it is paused.
 */
export const pause = defineSignal<[mark?: boolean]>('pause');
export const resume = defineSignal('resume');
/** Ends the wait before a step's next attempt. */
export const restart = defineSignal('restart');
export const progress = defineQuery<ItemProgress>('progress');
/** Lets a campaign go on behind its canary. */
export const approve = defineSignal('approve');
export const campaign = defineQuery<CampaignReport>('campaign');
