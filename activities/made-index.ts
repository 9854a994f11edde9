import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Manifest, WorkItem } from '../common/contracts';
import { DarkroomError, type ErrorType } from '../common/errors';
import { Places, type Storage } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { manifestIn } from './removal';

/** An entry of the index of finished work: the folder of the item that was made. */
const entry = z.object({ item: z.string().max(8192) });
/** Bytes of an entry. */
const MAX_ENTRY_BYTES = 16 * 1024;
/** There is no entry, or the place of the index is not among the folders that Darkroom may use. */
const MISSING: ErrorType[] = ['SourceNotFound', 'SourceForbidden'];

/** Of which an entry tells. */
type MadeItem = Pick<WorkItem, 'tenant' | 'kind' | 'recipe' | 'output'> & Pick<Manifest, 'watermarks'>;

/** Notes that an item is made, for later items with the same bytes. No failure of the item where that does not succeed. */
export async function rememberMade(
  deps: ActivityDeps,
  { log }: Pick<Attempt, 'log'>,
  item: MadeItem,
  sha256: string,
): Promise<void> {
  if (!deps.config.reuse) return;
  try {
    await deps.storage.writeText(
      entryUri(deps, item, sha256),
      JSON.stringify({ item: item.output }),
      'application/json',
    );
  } catch (error) {
    if (error instanceof DarkroomError && error.type === 'OutputForbidden') return;
    log.warn({ error }, 'the index of finished work could not be written');
  }
}

/** Is the entry's item still what the entry says? For maintenance. */
export async function isEntryValid(storage: Storage, uri: string): Promise<boolean> {
  const folder = await readEntry(storage, uri);
  const manifest = folder === undefined ? undefined : await manifestIn(storage, folder);
  return manifest !== undefined && uri.endsWith(`/${manifest.source.sha256}.json`);
}

/** Where the entry is for what an item's recipe makes of these bytes. The bytes of watermarks are part of the recipe. */
export function entryUri(
  { config }: ActivityDeps,
  { tenant, kind, recipe, watermarks }: Omit<MadeItem, 'output'>,
  sha256: string,
): string {
  return new Places(config).indexOf(tenant, kind, keyOf(recipe, watermarks), sha256);
}

function keyOf(recipe: string, watermarks: MadeItem['watermarks']): string {
  if (watermarks === undefined) return recipe;
  const hash = createHash('sha256').update(JSON.stringify([recipe, hashesOf(watermarks)]));
  return hash.digest('hex').slice(0, 10);
}

/** What watermarks are, wherever they lie. */
export function hashesOf(watermarks: MadeItem['watermarks'] = []): string {
  return watermarks.map(({ sha256 }) => sha256).join(' ');
}

/** The folder that an entry leads to; undefined where there is none. */
export async function readEntry(storage: Storage, uri: string): Promise<string | undefined> {
  try {
    return entry.parse(JSON.parse(await readSmall(storage, uri, MAX_ENTRY_BYTES))).item;
  } catch (error) {
    if (error instanceof DarkroomError && !MISSING.includes(error.type)) throw error;
    return undefined;
  }
}

/** A text of ours. @throws DarkroomError */
export async function readSmall(storage: Storage, uri: string, maxBytes: number): Promise<string> {
  const { stream, info } = await storage.openRead(uri);
  if (info.bytes <= maxBytes) return text(stream);
  stream.destroy();
  throw new DarkroomError('MediaTooLarge', 'A file that Darkroom wrote is larger than Darkroom writes any.');
}
