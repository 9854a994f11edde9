import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Fetched } from '../storage';

/** Called with the bytes read so far. */
export type OnBytes = (bytes: number) => void;

/** Brings a source to a path on the scratch disk. */
export type FetchTo = (workPath: string, onProgress: OnBytes) => Promise<Fetched>;

export interface LeaseOptions {
  signal?: AbortSignal;
  /** Also called for a task that waits for the fetch of another one, so that its attempt stays alive. */
  onProgress?: OnBytes;
}

/** A source on the scratch disk, which stays there at least until `release` is called. */
export interface Lease {
  source: Fetched;
  /**
   * Call it once, when nothing reads the file any more.
   * @param keep whether another task is likely to want the source; one that has changed is dropped all the same
   */
  release(keep?: boolean): Promise<void>;
}

/** The version of a source: its URI, and what its store says identifies the file's content. */
export interface Version {
  uri: string;
  fingerprint: string;
}

/** A fetch that several tasks may wait for. */
interface Fetching {
  done: Promise<Entry>;
  listeners: Set<OnBytes>;
}

interface Entry {
  source: Fetched;
  leases: number;
  folder: string;
  /** It goes with its last lease. */
  dropped?: boolean;
  expiry?: NodeJS.Timeout;
}

/** ms for which a source that nobody reads is kept: the tasks of an item follow each other closely. */
const KEPT_MS = 10 * 60_000;

/**
 * Sources of this worker on the scratch disk, so that the tasks of one item fetch and hash a source once. Bounded in bytes:
 * the least recently used sources that nobody reads go first, and none outlives its last use by {@link KEPT_MS}. A source is
 * kept by its version, so a replaced one is fetched anew, and one whose file here has changed is not handed out again.
 */
export class SourceCache {
  /** In the order of their last use. */
  private readonly entries = new Map<string, Entry>();
  /** Fetches under way, so that several tasks that start at once share one. */
  private readonly fetching = new Map<string, Fetching>();

  /**
   * @param folder is made when first needed
   * @param maxBytes of sources that nobody reads; those in use are not counted
   */
  constructor(
    private readonly folder: string,
    private readonly maxBytes: number,
    private readonly keptMs = KEPT_MS,
  ) {}

  /**
   * The source in this version: from the cache, from a fetch that is under way, or fetched now. Without a version the source
   * is fetched always.
   * @throws what `fetch` throws; the signal's reason when it aborts first, while others go on waiting for a shared fetch
   */
  async lease(version: Version | undefined, fetch: FetchTo, options: LeaseOptions = {}): Promise<Lease> {
    const { signal, onProgress = () => undefined } = options;
    const key = version === undefined ? undefined : keyOf(version);
    for (;;) {
      const known = key === undefined ? undefined : this.entries.get(key);
      if (known !== undefined) {
        // In use from here on, so that it does not go while it is looked at.
        const lease = this.take(known);
        if (await known.source.isUnchanged().catch(() => false)) return lease;
        await lease.release(false);
        continue;
      }
      const shared = key === undefined ? undefined : this.fetching.get(key);
      if (shared === undefined) break;
      shared.listeners.add(onProgress);
      // The task that fetches may be cancelled: then the next one fetches by itself.
      await untilAborted(shared.done, signal).finally(() => shared.listeners.delete(onProgress));
    }
    const listeners = new Set([onProgress]);
    const done = this.fetch(fetch, (bytes) => listeners.forEach((listener) => listener(bytes)));
    if (key === undefined) return this.leaseOf(await done);
    this.fetching.set(key, { done, listeners });
    return this.leaseOf(await done.finally(() => this.fetching.delete(key)));
  }

  /** Bytes on the scratch disk, those in use included. */
  get bytes(): number {
    return [...this.entries.values()].reduce((sum, { source }) => sum + source.bytes, 0);
  }

  /** Removes sources that nobody reads, oldest use first, until at most `maxBytes` of them are left. */
  async trim(maxBytes = this.maxBytes): Promise<void> {
    const idle = [...this.entries].filter(([, { leases }]) => leases === 0);
    let total = idle.reduce((sum, [, { source }]) => sum + source.bytes, 0);
    for (const [, entry] of idle) {
      if (total <= maxBytes) break;
      // Others went first, and a task may have come meanwhile.
      if (entry.leases > 0) continue;
      total -= entry.source.bytes;
      await this.remove(entry);
    }
  }

  private async remove(entry: Entry): Promise<void> {
    clearTimeout(entry.expiry);
    this.forget(entry);
    await rm(entry.folder, { recursive: true, force: true });
  }

  /** The next task fetches anew. */
  private forget(entry: Entry): void {
    const key = keyOf(entry.source);
    if (this.entries.get(key) === entry) this.entries.delete(key);
  }

  /** @returns an entry that counts as in use */
  private async fetch(fetch: FetchTo, onProgress: OnBytes): Promise<Entry> {
    const folder = path.join(this.folder, randomUUID());
    try {
      await mkdir(folder, { recursive: true });
      const source = await fetch(path.join(folder, 'in'), onProgress);
      const entry = { source, leases: 1, folder };
      // Two fetches without a known version, or one that found another version than it looked for: the later one stays.
      // It takes its place at once: while the file of the one before is removed, a third may come.
      const same = this.entries.get(keyOf(source));
      if (same !== undefined) this.forget(same);
      this.entries.set(keyOf(source), entry);
      if (same !== undefined) await this.drop(same);
      return entry;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private take(entry: Entry): Lease {
    const key = keyOf(entry.source);
    this.entries.delete(key);
    this.entries.set(key, entry);
    clearTimeout(entry.expiry);
    entry.leases++;
    return this.leaseOf(entry);
  }

  private leaseOf(entry: Entry): Lease {
    let released = false;
    const release = async (keep = true): Promise<void> => {
      if (released) return;
      released = true;
      entry.leases--;
      if (!keep || entry.dropped) return this.drop(entry);
      if (entry.leases > 0) return;
      entry.expiry = setTimeout(() => void this.expire(entry), this.keptMs).unref();
      await this.trim();
    };
    return { source: entry.source, release };
  }

  /** Nobody gets the source any more; its file goes when nobody reads it. */
  private async drop(entry: Entry): Promise<void> {
    entry.dropped = true;
    this.forget(entry);
    if (entry.leases === 0) await this.remove(entry);
  }

  private async expire(entry: Entry): Promise<void> {
    if (entry.leases === 0) await this.remove(entry).catch(() => undefined);
  }
}

function keyOf({ uri, fingerprint }: Version): string {
  return `${fingerprint} ${uri}`;
}

/** Settles with the end of `work`, however it ends. @throws the signal's reason when it aborts first */
async function untilAborted(work: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  let leave = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (leave = resolve));
  signal?.addEventListener('abort', leave, { once: true });
  const ended = work.then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([ended, aborted]);
  signal?.removeEventListener('abort', leave);
  signal?.throwIfAborted();
}
