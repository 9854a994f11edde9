import type { CampaignPair, OldItem, Settlement } from '../../common/campaign';
import type { Manifest, WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import type { Logger } from '../../common/logger';
import { joinUri, type Storage } from '../../storage';
import { checkFence } from '../attempt';
import type { ActivityDeps } from '../deps';
import { rememberMade } from '../made-index';
import { pictureOf } from '../picture';
import { withUrls } from '../publish';
import {
  manifestIn,
  pathIn,
  removeFolder,
  removeReplaced,
  removeStrays,
  replacedBy,
  type RemovalOptions,
} from '../removal';
import { beating, type Beat } from '../beating';

/** How often a manifest is read again because another one was written meanwhile. */
const TRIES = 5;

/**
 * Puts what a campaign has made in the place of the old outputs: copied at the store's side, then the manifest in one step.
 * The old manifest is kept within the new one, and the old files stay, so that it can be put back.
 * @returns false where the old item stays: its source has changed, or another run has replaced it
 */
export function adoptOutputs(deps: ActivityDeps, id: string, item: WorkItem, old: OldItem): Promise<boolean> {
  return beating(deps, async (pulse) => {
    const { storage, logger: log } = deps;
    const [made, folder] = [item.output, old.output];
    await checkFence(deps, item);
    await checkFence(deps, { ...item, output: folder });
    const next = await manifestIn(storage, made);
    const current = await manifestIn(storage, folder);
    const isDone = current?.before?.campaign === id;
    const isSame = next !== undefined && current !== undefined && next.source.sha256 === current.source.sha256;
    if (!isDone && isSame && current.workflow.runId === old.runId) {
      await copyAll(storage, made, folder, pulse);
      const adopted = await swap(storage, folder, pulse, ({ before: earlier, ...last }) => {
        if (earlier?.campaign === id || last.workflow.runId !== old.runId) return undefined;
        // It stays the outcome of the old item's run, to whoever asks for that.
        const { batchId, itemKey, metadata, workflow } = last;
        const { replaces: _, ...found } = next;
        // Addresses name the item and its own folder.
        const place = { ...item, batchId, itemKey, metadata, output: folder };
        const renditions = withUrls(deps, place, next.renditions);
        const picture = next.picture && pictureOf(place, renditions);
        const before = { campaign: id, manifest: last };
        return { ...found, renditions, picture, batchId, itemKey, metadata, workflow, before };
      });
      if (adopted) {
        const { source, watermarks } = next;
        await rememberMade(deps, { log }, { ...item, output: folder, watermarks }, source.sha256);
      }
    }
    await removeFolder(storage, made, removing(log, pulse));
    return (await manifestIn(storage, folder))?.before?.campaign === id;
  });
}

/** @returns how many items this attempt put back, or freed of their old outputs */
export function settleOutputs(deps: ActivityDeps, id: string, pairs: CampaignPair[], how: Settlement): Promise<number> {
  return beating(deps, async (pulse) => {
    const { storage, logger: log } = deps;
    let settled = 0;
    for (const { made, old, run } of pairs) {
      await removeFolder(storage, made, removing(log, pulse));
      let unneeded: string[] = [];
      const changed = await swap(storage, old, pulse, ({ before, ...current }) => {
        // Another run has replaced it since, or it was never adopted.
        if (before?.campaign !== id) return undefined;
        const [kept, dropped] = how === 'rollback' ? [before.manifest, current] : [current, before.manifest];
        unneeded = replacedBy(kept, dropped);
        return kept;
      });
      if (!changed) {
        // An attempt that was lost may have swapped the manifest, and left the files.
        if (how === 'rollback' && run !== undefined) await removeStrays(storage, old, run, { log });
        continue;
      }
      await removeReplaced(storage, old, unneeded, { log });
      settled++;
    }
    return settled;
  });
}

/** @param change undefined: the manifest stays. @returns whether it was changed */
async function swap(
  storage: Storage,
  folder: string,
  pulse: Beat,
  change: (current: Manifest) => Manifest | undefined,
): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const current = await storage.readManifest(folder);
    const next = current && change(current.manifest);
    if (current === undefined || next === undefined) return false;
    // An attempt that everyone believed dead must not undo what was done since.
    pulse.throwIfOver();
    if ((await storage.replaceManifest(folder, next, current.version)) === 'written') return true;
  }
  throw new DarkroomError('StorageUnavailable', 'The manifest keeps changing.', { folder });
}

function removing(log: Logger, pulse: Beat): RemovalOptions {
  return { log, onProgress: (removed) => pulse.progress({ step: 'remove', removed }) };
}

async function copyAll(storage: Storage, made: string, folder: string, pulse: Beat): Promise<void> {
  for await (const { uri } of storage.list(made, { hidden: true })) {
    const place = pathIn(made, uri);
    if (place === 'manifest.json') continue;
    pulse.throwIfOver();
    await storage.copy(uri, joinUri(folder, place));
    pulse.progress({ step: 'copy', place });
  }
}
