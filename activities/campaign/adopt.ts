import type { CampaignPair, Settlement } from '../../common/campaign';
import type { Manifest } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import type { Storage } from '../../storage';
import type { ActivityDeps } from '../deps';
import { manifestIn, pathOf, removeReplaced, replacedBy } from '../removal';

/** How often a manifest is read again because another one was written meanwhile. */
const TRIES = 5;

/**
 * Puts what a campaign has made in the place of the old outputs: copied at the store's side, then the manifest in one step.
 * The old manifest is kept within the new one, and the old files stay, so that it can be put back.
 */
export async function adoptOutputs({ storage }: ActivityDeps, id: string, { made, old }: CampaignPair): Promise<void> {
  const next = await manifestIn(storage, made);
  if (next !== undefined) {
    for await (const { uri } of storage.list(made, { hidden: true })) {
      const place = pathOf(uri).slice(pathOf(made).length + 1);
      if (place !== 'manifest.json') await storage.copy(`${made}/${place}`, `${old}/${place}`);
    }
    await swap(storage, old, ({ before, ...current }) => {
      if (before?.campaign === id) return undefined;
      const { batchId, itemKey, metadata } = current;
      return { ...next, batchId, itemKey, metadata, before: { campaign: id, manifest: current } };
    });
  }
  await removeAll(storage, made);
}

/** @returns how many items had been adopted, and were put back or freed of their old outputs */
export async function settleOutputs(
  deps: ActivityDeps,
  id: string,
  pairs: CampaignPair[],
  how: Settlement,
): Promise<number> {
  const { storage, logger: log } = deps;
  let settled = 0;
  for (const { made, old } of pairs) {
    await removeAll(storage, made);
    let unneeded: string[] = [];
    const changed = await swap(storage, old, ({ before, ...current }) => {
      // Another run has replaced it since, or it was never adopted.
      if (before?.campaign !== id) return undefined;
      const [kept, dropped] = how === 'rollback' ? [before.manifest, current] : [current, before.manifest];
      unneeded = replacedBy(kept, dropped);
      return kept;
    });
    if (!changed) continue;
    await removeReplaced(storage, old, unneeded, { log });
    settled++;
  }
  return settled;
}

/** @param change undefined: the manifest stays */
async function swap(
  storage: Storage,
  folder: string,
  change: (current: Manifest) => Manifest | undefined,
): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const current = await storage.readManifest(folder);
    const next = current && change(current.manifest);
    if (current === undefined || next === undefined) return false;
    if ((await storage.replaceManifest(folder, next, current.version)) === 'written') return true;
  }
  throw new DarkroomError('StorageUnavailable', 'The manifest keeps changing.', { folder });
}

async function removeAll(storage: Storage, folder: string): Promise<void> {
  try {
    for await (const { uri } of storage.list(folder, { hidden: true })) await storage.remove(uri);
  } catch (error) {
    if (!(error instanceof DarkroomError && error.type === 'SourceNotFound')) throw error;
  }
}
