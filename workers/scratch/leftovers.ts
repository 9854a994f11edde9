import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isNeighbour, isRunning, type ProcessIdentity } from '../../common/this-process';
import { ALIVE_FILE, ownerOf } from './folder';

/** Looks in a row that have to find a folder without a sign of life before its owner counts as dead. */
const LOOKS = 5;

/** A folder of a dead worker. */
interface Leftover {
  name: string;
  /** Of its files. */
  bytes: number;
}

/**
 * Finds the folders of worker processes that have ended without removing them. Several workers, also in different
 * containers, may share the scratch disk, so:
 * - a process of the same kernel and the same namespace of process ids is looked up: its folder stays while it lives,
 *   frozen or not, and goes when it does not;
 * - of any other process only the sign of life can be seen. Its folder goes after {@link LOOKS} looks in a row that found
 *   the same time of change. No clock is compared with another, so neither a clock that is wrong nor one that jumps, nor a
 *   machine that was suspended, makes a living process look dead. One that was frozen for all that time has lost its
 *   attempts to other workers anyway, since the server has missed their heartbeats.
 */
export class Leftovers {
  /** Of folders without a verdict: the time of change, and how many looks have found it. */
  private readonly watched = new Map<string, { changed: number; looks: number }>();

  constructor(
    private readonly root: string,
    private readonly self: ProcessIdentity,
  ) {}

  /**
   * One look. @returns the names of the folders that were removed
   * @throws what the file system says
   */
  async sweep(): Promise<string[]> {
    const found = await this.remove(await this.search((name, owner) => this.isDead(name, owner)));
    return found.map(({ name }) => name);
  }

  /**
   * Looks among neighbours alone, and counts as no look at the others: looks that follow each other fast would make a living
   * process of another container appear dead.
   * @returns the folders of dead ones with the bytes of their files; removed only if `remove` says so
   * @throws what the file system says
   */
  async find(remove: boolean): Promise<Leftover[]> {
    const found = await this.search((_, owner) => isNeighbour(owner, this.self) && !isRunning(owner));
    return remove ? this.remove(found) : found;
  }

  private async search(
    isLeft: (name: string, owner: ProcessIdentity) => boolean | Promise<boolean>,
  ): Promise<Leftover[]> {
    const found: Leftover[] = [];
    for (const entry of await readdir(this.root, { withFileTypes: true })) {
      const owner = entry.isDirectory() ? ownerOf(entry.name) : undefined;
      if (owner === undefined || !(await isLeft(entry.name, owner))) continue;
      found.push({ name: entry.name, bytes: await bytesIn(path.join(this.root, entry.name)) });
    }
    return found;
  }

  private async remove(found: Leftover[]): Promise<Leftover[]> {
    for (const { name } of found) {
      await rm(path.join(this.root, name), { recursive: true, force: true });
      this.watched.delete(name);
    }
    return found;
  }

  private async isDead(name: string, owner: ProcessIdentity): Promise<boolean> {
    if (isNeighbour(owner, this.self)) return !isRunning(owner);
    const folder = path.join(this.root, name);
    // Between its making and its first sign of life the folder itself is the sign.
    const seen = await stat(path.join(folder, ALIVE_FILE)).catch(() => stat(folder));
    const before = this.watched.get(name);
    const looks = before?.changed === seen.mtimeMs ? before.looks + 1 : 1;
    this.watched.set(name, { changed: seen.mtimeMs, looks });
    return looks >= LOOKS;
  }
}

/** Bytes of the files below a folder; another worker may remove them meanwhile. */
async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile())
      bytes += (await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
