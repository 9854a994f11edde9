import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../failures';

/** ms after which a lock's owner is taken for dead. What runs under a lock takes about one. */
const STALE = 10_000;

/**
 * Runs `work` while nobody else, in this process or another, does so with the same lock file.
 * A file of its own rather than flock(2), which Node does not have and NFS does not always keep.
 */
export async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 2 * STALE;
  for (;;) {
    try {
      await (await open(lock, 'wx')).close();
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || Date.now() > deadline) throw error;
      await breakStale(lock);
      await sleep(2 + Math.random() * 10);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Takes away the lock of a dead owner, and only that: somebody else may have replaced it in between. */
async function breakStale(lock: string): Promise<void> {
  const found = await stat(lock, { bigint: true }).catch(() => undefined);
  if (found === undefined || Date.now() - Number(found.mtimeMs) < STALE) return;
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(lock, aside);
    const moved = await stat(aside, { bigint: true });
    if (moved.ino !== found.ino || moved.mtimeNs !== found.mtimeNs) await link(aside, lock);
  } catch {
    // Somebody else was quicker; the next round sees what there is.
  } finally {
    await rm(aside, { force: true });
  }
}
