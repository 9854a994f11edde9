import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Manifest, Rendition, WorkItem } from '../common/contracts';
import { DarkroomError, isSourceNotFound } from '../common/errors';
import { possibleKinds, type MediaKind } from '../common/kinds';
import { recipeHash } from '../media/presets';
import type { Fetched, Storage } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { entryUri, hashesOf, readEntry, readSmall } from './made-index';
import { outputName } from './names';
import { publishedName, publishFile, type ManifestParts } from './publish';
import { manifestIn } from './removal';
import { bytesOf } from '../storage';
import { fileFacts } from './source';

/** Bytes of the text that leads to the sheets of a sprite. */
const MAX_STORYBOARD_BYTES = 4 * 2 ** 20;

interface Earlier {
  /** URI of its folder. */
  folder: string;
  manifest: Manifest;
  /** Files of its streams, by the stream's folder. */
  streams: Map<string, string[]>;
}

/**
 * Copies what the item's recipe has made of the same bytes before, for the same tenant, whatever the batch.
 * @returns the parts of the item's manifest; undefined where there is nothing to copy, or it cannot be copied: then the
 * outputs are made
 */
export async function copyEarlier(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  source: Fetched,
  watermarks?: Manifest['watermarks'],
): Promise<ManifestParts | undefined> {
  // Other bytes may lie at the address of an input.
  if (!deps.config.reuse || item.force || item.inputs) return undefined;
  try {
    const earlier = await findEarlier(deps, { ...item, watermarks }, source.sha256);
    if (earlier === undefined) return undefined;
    const copy = () => copyFiles(deps, attempt, item, earlier);
    const renditions = await attempt.stages.run('publish', 'copy', copy);
    if (renditions === undefined) return undefined;
    const { folder, manifest } = earlier;
    const { kind, batchId, itemKey, placeholder, perceptualHash, analysis, ladder, warnings } = manifest;
    return {
      ...(watermarks && { watermarks }),
      ...{ kind, renditions, placeholder, perceptualHash, analysis, ladder, warnings },
      timings: attempt.stages.timings,
      source: { ...manifest.source, ...fileFacts(item, source) },
      copiedFrom: { manifest: `${folder}/manifest.json`, batchId, itemKey },
    };
  } catch (error) {
    attempt.throwIfOver();
    if (!(error instanceof DarkroomError)) throw error;
    attempt.log.warn({ error: error.message }, 'earlier outputs could not be copied, so they are made again');
    await attempt.created.discard(deps.storage, attempt.log);
    return undefined;
  }
}

/** What is there is asked: an entry may be older than what became of its item. */
async function findEarlier(
  deps: ActivityDeps,
  item: WorkItem & Pick<Manifest, 'watermarks'>,
  sha256: string,
): Promise<Earlier | undefined> {
  const { storage } = deps;
  const folder = await readEntry(storage, entryUri(deps, item, sha256));
  const manifest = folder === undefined ? undefined : await manifestIn(storage, folder);
  if (folder === undefined || manifest === undefined) return undefined;
  const { source, tenant, kind, preset, renditions } = manifest;
  const isSame = source.sha256 === sha256 && tenant === item.tenant && preset.recipe === recipeOf(item, kind);
  if (hashesOf(manifest.watermarks) !== hashesOf(item.watermarks)) return undefined;
  if (!isSame || renditions.length === 0) return undefined;
  const streams = new Map<string, string[]>();
  for (const rendition of renditions.filter(({ role }) => role !== 'stream')) {
    if ((await sizeOf(storage, `${folder}/${rendition.path}`)) !== rendition.bytes) return undefined;
  }
  // HLS and DASH lead to the segments of one folder.
  const leads = renditions.filter(({ role }) => role === 'stream');
  for (const place of new Set(leads.map(folderOf))) {
    const own = leads.filter((lead) => folderOf(lead) === place);
    const files = await streamFiles(storage, `${folder}/${place}`, own);
    if (files === undefined) return undefined;
    streams.set(place, files);
  }
  return { folder, manifest, streams };
}

/** Undefined for a kind that the item cannot have turned out to be. */
function recipeOf(item: WorkItem, kind: MediaKind): string | undefined {
  if (kind === item.kind) return item.recipe;
  return possibleKinds(item.kind).includes(kind) ? recipeHash(item.preset, kind) : undefined;
}

async function sizeOf(storage: Storage, uri: string): Promise<number | undefined> {
  try {
    return (await storage.stat(uri)).bytes;
  } catch (error) {
    if (isSourceNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Names within a folder of streams, those that lead to the others last; undefined where files are missing.
 * @param place URI of the folder
 */
async function streamFiles(storage: Storage, place: string, streams: Rendition[]): Promise<string[] | undefined> {
  const files: string[] = [];
  let bytes = 0;
  for await (const info of storage.list(place)) {
    files.push(info.uri.slice(place.length + 1));
    bytes += info.bytes;
  }
  const leads = streams.map((stream) => stream.path.slice(folderOf(stream).length + 1));
  if (!leads.every((lead) => files.includes(lead)) || bytes !== bytesOf(streams)) return undefined;
  return [...files.filter((name) => !leads.includes(name)), ...leads];
}

function folderOf({ path: place }: Rendition): string {
  return place.slice(0, place.indexOf('/'));
}

/** Every file under a name of this attempt; undefined where the two items lie in different stores. */
async function copyFiles(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  { folder, manifest, streams }: Earlier,
): Promise<Rendition[] | undefined> {
  const names = new Map<string, string>();
  /** Of streams, by what they are called there. */
  const folders = new Map<string, string>();
  const copy = async (from: string, to: string): Promise<boolean> => {
    attempt.throwIfOver();
    attempt.created.add(`${item.output}/${to}`);
    const done = await deps.storage.copy(`${folder}/${from}`, `${item.output}/${to}`, attempt.signal);
    attempt.progress({ step: 'publish', path: to });
    return done;
  };
  for (const [before, files] of streams) {
    const after = outputName('hls', attempt.writer, before.slice(before.lastIndexOf('-') + 1));
    folders.set(before, after);
    for (const file of files) if (!(await copy(`${before}/${file}`, `${after}/${file}`))) return undefined;
  }
  for (const rendition of manifest.renditions) {
    if (rendition.role === 'storyboard') continue;
    const { path: from } = rendition;
    const stream = rendition.role === 'stream' ? folders.get(folderOf(rendition)) : undefined;
    const to = stream === undefined ? publishedName(attempt, rendition) : from.replace(folderOf(rendition), stream);
    if (stream === undefined && !(await copy(from, to))) return undefined;
    names.set(from, to);
  }
  const renditions: Rendition[] = [];
  for (const rendition of manifest.renditions) {
    const to = names.get(rendition.path);
    renditions.push(
      to === undefined ? await rewrite(deps, attempt, item, folder, rendition, names) : { ...rendition, path: to },
    );
  }
  return renditions;
}

/** The text that maps times to the sheets of a sprite calls them by their published names. */
async function rewrite(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  folder: string,
  { path: from, ...facts }: Rendition,
  names: ReadonlyMap<string, string>,
): Promise<Rendition> {
  let cues = await readSmall(deps.storage, `${folder}/${from}`, MAX_STORYBOARD_BYTES);
  for (const [before, after] of names) cues = cues.replaceAll(before, after);
  const file = path.join(attempt.workDir, facts.name);
  await writeFile(file, cues);
  const sha256 = createHash('sha256').update(cues).digest('hex');
  return publishFile(deps, attempt, item, { ...facts, file, bytes: Buffer.byteLength(cues), sha256 });
}
