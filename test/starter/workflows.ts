/** Workflows for the tests of the starter: they need no media, and do what the item's metadata says. */
import { ApplicationFailure, condition, defineSignal, setHandler, upsertMemo } from '@temporalio/workflow';
import type { ItemResult, WorkItem } from '../../common/contracts';

const release = defineSignal('release');

export async function processImage(item: WorkItem): Promise<ItemResult> {
  let released = item.metadata?.['hold'] === undefined;
  setHandler(release, () => void (released = true));
  await condition(() => released);
  if (item.metadata?.['fail'] !== undefined) {
    throw ApplicationFailure.nonRetryable('The file is empty.', 'CorruptMedia');
  }
  upsertMemo({ bytesIn: 100, bytesOut: 40 });
  return { manifest: `${item.output}/manifest.json`, bytesIn: 100, bytesOut: 40, renditions: 1 };
}
