import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { ItemProgress } from '../common/contracts';

/** Signals and queries of item workflows, typed: workflows handle them and clients send them by these definitions. */

/** Holds the item before its next activity; what runs now runs to its end. */
export const pause = defineSignal('pause');
export const resume = defineSignal('resume');
export const progress = defineQuery<ItemProgress>('progress');
