import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { WorkItem } from './contracts';

const BATCH = defineSearchAttributeKey('MediaBatchId', 'KEYWORD');
export const KIND = defineSearchAttributeKey('MediaKind', 'KEYWORD');
const PRESET = defineSearchAttributeKey('MediaPreset', 'KEYWORD');
const TENANT = defineSearchAttributeKey('MediaTenant', 'KEYWORD');

/** What the lists of runs show and find of an item, whoever starts its run. */
export function attributesOf({ batchId, kind, preset, tenant }: WorkItem): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: BATCH, value: batchId },
    { key: KIND, value: kind },
    { key: PRESET, value: preset.name },
    { key: TENANT, value: tenant },
  ]);
}
