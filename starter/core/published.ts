import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { SourceFacts, WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { possibleKinds } from '../../common/kinds';
import { recipeHash, watermarksOf } from '../../media/presets';
import { withoutSignature } from '../../net/url';
import type { Storage } from '../../storage';

/**
 * Are the item's outputs there, made from the source as it is now and by the same recipe? Asked of the storage, not of
 * Temporal, so that it holds after the history is gone. Any doubt means no: the worker then finds out and says why.
 * @throws DarkroomError InvalidJob where the place of the manifest holds something else
 */
export async function isPublished(storage: Storage, item: WorkItem, signal?: AbortSignal): Promise<boolean> {
  try {
    const found = await storage.readManifest(item.output);
    if (found === undefined) return false;
    const { source, preset, kind, watermarks = [] } = found.manifest;
    if (withoutSignature(source.uri) !== withoutSignature(item.source) || !possibleKinds(item.kind).includes(kind))
      return false;
    const recipe = kind === item.kind ? item.recipe : recipeHash(item.preset, kind);
    if (preset.recipe !== recipe) return false;
    const uris = watermarksOf(item.preset, kind);
    if (uris.length !== watermarks.length) return false;
    for (const [index, before] of watermarks.entries()) {
      if (!(await isSameSource(storage, { ...before, uri: uris[index]! }, signal))) return false;
    }
    return await isSameSource(storage, { ...source, uri: item.source }, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DarkroomError && error.type === 'InvalidJob') throw error;
    return false;
  }
}

async function isSameSource(
  storage: Storage,
  before: Pick<SourceFacts, 'uri' | 'bytes' | 'sha256' | 'fingerprint'>,
  signal?: AbortSignal,
): Promise<boolean> {
  const now = await storage.stat(before.uri, signal);
  if (now.fingerprint === before.fingerprint) return true;
  // Copied or touched files have a new time and the same bytes. Only local ones: others would have to be downloaded.
  if (!/^file:/i.test(before.uri) || now.bytes !== before.bytes) return false;
  const hash = createHash('sha256');
  const { stream } = await storage.openRead(before.uri, { signal });
  await pipeline(stream, hash);
  return hash.digest('hex') === before.sha256;
}
