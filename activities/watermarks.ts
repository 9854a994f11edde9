import path from 'node:path';
import type { Manifest, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import type { MediaKind } from '../common/kinds';
import { watermarksOf } from '../media/presets';
import { withoutSignature } from '../net/url';
import { printable, type Fetched } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { scan } from './scan';
import type { FetchTo, Lease } from './source-cache';

/** Bytes of a watermark. */
const MAX_BYTES = 64 * 2 ** 20;

/** The watermarks of an item's renditions, on the scratch disk. */
export interface FetchedWatermarks {
  /** Path by the source that the preset names. */
  files: Record<string, string>;
  /** For the manifest; absent where there are none. Their bytes count in the key of reuse. */
  facts?: NonNullable<Manifest['watermarks']>;
}

/**
 * Works with the watermarks that the item's preset names for a kind. Their bytes are established here, once per attempt: what is laid on
 * the renditions has the hash that the manifest and the key of reuse have, and a retry takes a replaced file.
 * @throws DarkroomError SourceUnavailable where one has changed meanwhile; what the storage says of one that cannot be read
 */
export async function withWatermarks<T>(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  kind: MediaKind,
  use: (watermarks: FetchedWatermarks) => Promise<T>,
): Promise<T> {
  const uris = watermarksOf(item.preset, kind);
  if (uris.length === 0) return use({ files: {} });
  const leases = new Map<string, Lease>();
  let keep = false;
  try {
    for (const [index, uri] of uris.entries()) leases.set(uri, await lease(deps, attempt, item, uri, index));
    const files = Object.fromEntries([...leases].map(([uri, { source }]) => [uri, source.path]));
    const facts = [...leases].map(([uri, { source }]) => factsOf(uri, source));
    const result = await use({ files, facts });
    for (const [uri, { source }] of leases) if (!(await source.isUnchanged())) throw changed(uri);
    keep = true;
    return result;
  } finally {
    for (const held of leases.values()) await held.release(keep);
  }
}

function factsOf(uri: string, { bytes, sha256, fingerprint }: Fetched) {
  return { uri: withoutSignature(uri), bytes, sha256, fingerprint };
}

function changed(uri: string): DarkroomError {
  const sentence = `The watermark ${printable(uri)} changed while it was being laid on the renditions.`;
  return new DarkroomError('SourceUnavailable', sentence, { cause: 'changed' });
}

/** From the files that this worker keeps, by the version that the store has now; else fetched. */
async function lease(deps: ActivityDeps, attempt: Attempt, item: WorkItem, uri: string, index: number): Promise<Lease> {
  const { sources, storage } = deps;
  const { signal } = attempt;
  const onProgress = (bytes: number): void => attempt.progress({ step: 'fetch', bytes });
  const fetch: FetchTo = async (workPath, onBytes) => {
    const get = () => storage.fetch(uri, workPath, { signal, maxBytes: MAX_BYTES, onProgress: onBytes });
    const fetched = await attempt.stages.run('fetch', 'watermark', get, ({ bytes }) => bytes);
    await scan(deps, attempt, item, fetched);
    return fetched;
  };
  try {
    if (sources === undefined) {
      const source = await fetch(path.join(attempt.workDir, `watermark-${index}`), onProgress);
      return { source, release: () => Promise.resolve() };
    }
    const version = await storage.stat(uri, signal).catch(() => undefined);
    return await sources.lease(version, fetch, { signal, onProgress });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DarkroomError)) throw error;
    throw new DarkroomError(error.type, `The watermark cannot be used: ${error.message}`, error.details, {
      cause: error,
    });
  }
}
