import type { Manifest } from '../common/contracts';
import { DarkroomError, isSourceNotFound } from '../common/errors';
import type { Logger } from '../common/logger';
import { joinUri, type Storage } from '../storage';
import { parseUri } from '../storage/uri';
import { isOfRun } from './names';

/** Requests to the store at once. */
const AT_ONCE = 8;
/** ms that a failed attempt spends on removing its files; what is left is removed when the run ends. */
const DISCARD_MS = 5_000;
/** Files in an item's folder that are no outputs. */
const KEPT = ['manifest.json', 'quarantine.json'];

/** The files that one attempt has put into storage. No other attempt has a file in common with it, see outputName. */
export class Created {
  private readonly uris = new Set<string>();

  /** To be called before the file is written: a write whose answer is lost counts too. */
  add(uri: string): void {
    this.uris.add(uri);
  }

  /** To be called before a manifest is written: the manifest names the files, even if its own answer is lost. */
  handOver(): void {
    this.uris.clear();
  }

  /** Removes the files of an attempt that fails, as far as the store lets it; never throws. */
  async discard(storage: Storage, log: Logger): Promise<void> {
    if (this.uris.size === 0) return;
    const removing = removeAll(storage, [...this.uris]).catch((error: unknown) =>
      log.warn({ error }, 'the files of a failed attempt could not be removed'),
    );
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, DISCARD_MS)));
    await Promise.race([removing, enough]).finally(() => clearTimeout(timer));
  }
}

export interface RemovalOptions {
  log: Logger;
  /** Called with the number of files removed so far. */
  onProgress?: (removed: number) => void;
}

/**
 * Removes what a run has put into an item's folder and the manifest there does not name, its intermediates included.
 * Files of other runs stay, whether those have ended or not.
 * @param output URI of the item's folder
 * @throws DarkroomError
 */
export async function removeStrays(
  storage: Storage,
  output: string,
  runId: string,
  options: RemovalOptions,
): Promise<void> {
  const manifest = await manifestIn(storage, output);
  const strays: string[] = [];
  for await (const uri of filesIn(storage, output, options.log)) {
    const path = pathIn(output, uri);
    if (isOfRun(path, runId) && !(manifest && isNamed(manifest, path))) strays.push(uri);
  }
  // What leads to others goes first: nobody is sent to what is not there any more.
  const leads = strays.filter((uri) => /\.(m3u8|mpd)$/.test(uri));
  await removeAll(storage, leads, options.onProgress);
  const isLead = new Set(leads);
  await removeAll(
    storage,
    strays.filter((uri) => !isLead.has(uri)),
    options.onProgress,
  );
  if (strays.length > 0) options.log.info({ output, files: strays.length }, 'removed outputs that no manifest names');
}

/** What `previous` names and `next` does not: paths relative to the item's folder; of a stream, its folder with a slash. */
export function replacedBy(next: Manifest, previous: Manifest | undefined): string[] {
  const kept = new Set(placesOf(next));
  return placesOf(previous).filter((place) => !kept.has(place));
}

/**
 * Removes the files of a manifest that was replaced.
 * @param places as replacedBy returns them
 * @throws DarkroomError
 */
export async function removeReplaced(
  storage: Storage,
  output: string,
  places: readonly string[],
  options: RemovalOptions,
): Promise<void> {
  const uris: string[] = [];
  for (const place of places) {
    const path = place.replace(/\/$/, '');
    // A manifest is a file like any other, and may say what it likes: nothing but outputs of this item is removed.
    if (!isOutput(path)) continue;
    const uri = joinUri(output, path);
    if (path === place) uris.push(uri);
    else for await (const file of filesIn(storage, uri, options.log)) uris.push(file);
  }
  await removeAll(storage, uris, options.onProgress);
}

/** Removes all of a folder, what says that the item is published first. @returns how many files */
export async function removeFolder(storage: Storage, folder: string, options: RemovalOptions): Promise<number> {
  const manifests: string[] = [];
  const others: string[] = [];
  for await (const uri of filesIn(storage, folder, options.log)) {
    (pathIn(folder, uri) === 'manifest.json' ? manifests : others).push(uri);
  }
  await removeAll(storage, manifests, options.onProgress);
  await removeAll(storage, others, options.onProgress);
  return manifests.length + others.length;
}

/** The rest of a URI below a folder, decoded. */
export function pathIn(folder: string, uri: string): string {
  return pathOf(uri).slice(pathOf(folder).length + 1);
}

/** The path or the key that a URI means, without percent-encoding. @throws DarkroomError InvalidJob */
export function pathOf(uri: string): string {
  const at = parseUri(uri);
  return at.scheme === 'file' ? at.path : at.scheme === 's3' ? at.key : uri;
}

function placesOf(manifest: Manifest | undefined): string[] {
  const renditions = [...(manifest?.renditions ?? []), ...(manifest?.before?.manifest.renditions ?? [])];
  return renditions.map(({ path }) => path.replace(/\/.*$/s, '/'));
}

export function isNamed(manifest: Manifest, path: string): boolean {
  return placesOf(manifest).includes(path.replace(/\/.*$/s, '/'));
}

function isOutput(path: string): boolean {
  return typeof path === 'string' && /^[^./\\][^/\\]*$/.test(path) && !KEPT.includes(path);
}

/** Undefined also where the file of that name is not Darkroom's: it names no output. */
export async function manifestIn(storage: Storage, output: string): Promise<Manifest | undefined> {
  try {
    return (await storage.readManifest(output))?.manifest;
  } catch (error) {
    if (error instanceof DarkroomError && error.type === 'InvalidJob') return undefined;
    throw error;
  }
}

/** The files of a folder, hidden ones included; none where there is no folder. */
export async function* filesIn(storage: Storage, folder: string, log: Logger): AsyncGenerator<string> {
  const onError = (error: DarkroomError, uri: string): void => log.warn({ error, uri }, 'not looked at');
  try {
    for await (const { uri } of storage.list(folder, { hidden: true, onError })) yield uri;
  } catch (error) {
    if (!isSourceNotFound(error)) throw error;
  }
}

/** Several at once. */
export async function removeAll(
  storage: Storage,
  uris: readonly string[],
  onProgress?: (removed: number) => void,
): Promise<void> {
  let next = 0;
  const remove = async (): Promise<void> => {
    for (let uri = uris[next++]; uri !== undefined; uri = uris[next++]) {
      await storage.remove(uri);
      onProgress?.(next);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, uris.length) }, remove));
}
