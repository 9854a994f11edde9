import { Context } from '@temporalio/activity';
import type { Analysis } from '../common/analysis';
import { cacheControlOf } from '../common/cache-control';
import type { ItemResult, Manifest, Placeholder, Rendition, SourceFacts, WorkItem } from '../common/contracts';
import type { MediaKind } from '../common/kinds';
import { DarkroomError } from '../common/errors';
import { extensionOf } from '../common/file-types';
import { recipeHash } from '../media/presets';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { outputName } from './names';
import { pictureOf } from './picture';
import { cpuSecondsOf, receiptOf, withKnownReceipts, type Receipts } from './receipt';
import { rememberMade } from './made-index';
import { bytesOf } from '../storage';
import { publicUrl } from '../storage/public-url';
import { removeReplaced, removeStrays, replacedBy, type RemovalOptions } from './removal';

/** A file that media/ made: everything about a rendition but its published name, and where it lies now. */
export interface MadeFile extends Omit<Rendition, 'path'> {
  /** Absolute path in the work folder. */
  file: string;
}

/** Puts one finished file into storage, under its final name, in one atomic step. */
export async function publishFile(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  made: MadeFile,
): Promise<Rendition> {
  const { file: _file, ...facts } = made;
  const path = publishedName(attempt, made);
  const publish = () => publishAs(deps, attempt, item, path, made);
  await attempt.stages.run('publish', made.role, publish, () => made.bytes);
  return { ...facts, path, receipt: attempt.receiptId };
}

/** Several files at once; settles when the last of them has, so that a failed attempt knows what it has written. */
export async function publishFiles(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  made: MadeFile[],
): Promise<Rendition[]> {
  return allEnded(made.map((file) => publishFile(deps, attempt, item, file)));
}

/** Like Promise.all, but settles when the last of them has. */
async function allEnded<T>(running: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running);
  return Promise.all(running);
}

/** The path that publishFile gives a file, relative to the item's folder. */
export function publishedName(
  attempt: Attempt,
  { name, mime, sha256 }: Pick<MadeFile, 'name' | 'mime' | 'sha256'>,
): string {
  return `${outputName(name, attempt.writer, sha256)}.${extensionOf(mime)}`;
}

/** Like publishFile, but under a path chosen by the caller, relative to the item's folder. */
export async function publishAs(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  path: string,
  { file, mime, bytes, sha256 }: Pick<MadeFile, 'file' | 'mime' | 'bytes' | 'sha256'>,
): Promise<void> {
  const uri = `${item.output}/${path}`;
  const onProgress = (sent: number): void => attempt.progress({ step: 'publish', path, bytes: sent });
  attempt.throwIfOver();
  attempt.created.add(uri);
  const cacheControl = cacheControlOf(path, item.preset.cacheControl);
  const options = { contentType: mime, cacheControl, bytes, sha256, signal: attempt.signal, onProgress };
  await deps.storage.publishFile(file, uri, options);
  // Frozen on the way: what is there now goes with the attempt.
  attempt.throwIfOver();
  deps.metrics.darkroom_bytes_written_total.inc({ kind: item.kind }, bytes);
}

export interface ManifestParts {
  /** What the file turned out to be; absent: the item's kind. */
  kind?: MediaKind;
  source: SourceFacts;
  renditions: Rendition[];
  watermarks?: Manifest['watermarks'];
  placeholder?: Placeholder;
  perceptualHash?: string;
  analysis?: Analysis;
  warnings: string[];
  chunks?: number;
  ladder?: Manifest['ladder'];
  timings: Record<string, number>;
  /** Of earlier activities of this run; that of this attempt is added. */
  receipts?: Receipts;
  copiedFrom?: Manifest['copiedFrom'];
  /** The files were written by other activities of this run, too. */
  severalAttempts?: boolean;
}

/**
 * Writes `manifest.json`, the sign that the item is published. Conditional: it never replaces the manifest of a run that
 * was started later, so an attempt that everyone believed dead cannot undo newer work.
 */
export async function publishManifest(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  parts: ManifestParts,
): Promise<ItemResult> {
  const { info } = Context.current();
  const { kind = item.kind } = parts;
  const { copiedFrom } = parts;
  const receipts = { ...parts.receipts, ...receiptOf(deps, attempt) };
  const requestedAt = item.requestedAt ?? new Date(info.scheduledTimestampMs).toISOString();
  const renditions = withUrls(deps, item, withKnownReceipts(parts.renditions, receipts));
  const manifest: Manifest = {
    version: 1,
    batchId: item.batchId,
    itemKey: item.itemKey,
    kind,
    source: parts.source,
    preset: { name: item.preset.name, recipe: kind === item.kind ? item.recipe : recipeHash(item.preset, kind) },
    ...(parts.watermarks && { watermarks: parts.watermarks }),
    ...(item.preset.cacheControl !== undefined && { cacheControl: item.preset.cacheControl }),
    renditions,
    receipts,
    copiedFrom,
    placeholder: parts.placeholder,
    perceptualHash: parts.perceptualHash,
    picture: kind === 'image' ? pictureOf(item, renditions) : undefined,
    analysis: parts.analysis,
    warnings: parts.warnings,
    ...(parts.chunks !== undefined && { chunks: parts.chunks }),
    ...(parts.ladder && { ladder: parts.ladder }),
    timings: parts.timings,
    tools: deps.tools,
    metadata: item.metadata,
    tenant: item.tenant,
    requestedAt,
    publishedAt: new Date().toISOString(),
    workflow: {
      id: info.workflowExecution?.workflowId ?? '',
      runId: info.workflowExecution?.runId ?? '',
      attempt: info.attempt,
    },
  };
  // A cancelled item gets no manifest, and neither does an attempt that the server has given up.
  attempt.throwIfOver();
  attempt.created.handOver();
  const { published, ours, replaced } = await attempt.stages.run('publish', 'manifest', () =>
    replace(deps, item, manifest),
  );
  await tidy(attempt, (options) => removeReplaced(deps.storage, item.output, replaced, options));
  // Attempts before this one may have been killed, and another manifest leaves the files of this attempt without a name.
  const strays = parts.severalAttempts || info.attempt > 1 || !ours;
  if (strays) await removeOwnStrays(deps, attempt, item);
  if (ours && copiedFrom === undefined) {
    await rememberMade(deps, attempt, { ...item, watermarks: parts.watermarks }, parts.source.sha256);
  }
  return summary(item, published.workflow.runId === manifest.workflow.runId ? published : manifest);
}

/**
 * Puts the manifest in the place of the one before, unless that is of a later run, or of another attempt of this run:
 * of two attempts that both believe to be the only one, the first that has published keeps its manifest and its files.
 * @returns the manifest that is there now, whether it is ours, and the outputs to remove because of it
 */
async function replace(
  deps: ActivityDeps,
  item: WorkItem,
  manifest: Manifest,
): Promise<{ published: Manifest; ours: boolean; replaced: string[] }> {
  for (let tries = 0; tries < 5; tries++) {
    const current = await deps.storage.readManifest(item.output);
    const before = current?.manifest;
    if (before && (before.requestedAt > manifest.requestedAt || before.workflow.runId === manifest.workflow.runId)) {
      deps.logger.warn({ output: item.output }, 'another run or attempt has published already; its manifest stays');
      return { published: before, ours: false, replaced: [] };
    }
    const replaces = replacedBy(manifest, before);
    const published = replaces.length === 0 ? manifest : { ...manifest, replaces };
    if ((await deps.storage.replaceManifest(item.output, published, current?.version)) !== 'written') continue;
    // The run before may have ended between its manifest and the removal.
    return { published, ours: true, replaced: [...replaces, ...(before?.replaces ?? [])] };
  }
  throw new DarkroomError('StorageUnavailable', 'The manifest keeps changing under our hands.', {
    output: item.output,
  });
}

/** The result of an item that this very run has published in an earlier attempt whose answer was lost. */
export async function alreadyPublished(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
): Promise<ItemResult | undefined> {
  if (attempt.writer.attempt === 1) return undefined;
  const current = await deps.storage.readManifest(item.output);
  if (current === undefined || current.manifest.workflow.runId !== attempt.writer.runId) return undefined;
  const { replaces = [] } = current.manifest;
  await tidy(attempt, (options) => removeReplaced(deps.storage, item.output, replaces, options));
  await removeOwnStrays(deps, attempt, item);
  return summary(item, current.manifest);
}

/** A copied rendition may have the URL of the one that it was copied from. */
export function withUrls({ config }: ActivityDeps, item: WorkItem, renditions: Rendition[]): Rendition[] {
  return renditions.map(({ url: _other, ...rendition }) => {
    const url = publicUrl(config, item, rendition.path);
    return url === undefined ? rendition : { ...rendition, url };
  });
}

function removeOwnStrays(deps: ActivityDeps, attempt: Attempt, item: WorkItem): Promise<void> {
  return tidy(attempt, (options) => removeStrays(deps.storage, item.output, attempt.writer.runId, options));
}

/**
 * Removes files of an item that is published. A store that is away is asked again, by the next attempt; one that refuses
 * is no failure of the item.
 */
async function tidy(attempt: Attempt, remove: (options: RemovalOptions) => Promise<void>): Promise<void> {
  const onProgress = (removed: number): void => attempt.progress({ step: 'remove', removed });
  try {
    await remove({ log: attempt.log, onProgress });
  } catch (error) {
    if (!(error instanceof DarkroomError) || error.retryable) throw error;
    attempt.log.warn({ error: error.message }, 'outputs that no manifest names could not be removed');
  }
}

function summary(item: WorkItem, manifest: Manifest): ItemResult {
  const cpuSeconds = cpuSecondsOf(manifest.receipts) ?? (manifest.copiedFrom && 0);
  return {
    manifest: `${item.output}/manifest.json`,
    bytesIn: manifest.source.bytes,
    bytesOut: bytesOf(manifest.renditions),
    renditions: manifest.renditions.length,
    ...(cpuSeconds !== undefined && { cpuSeconds }),
    ...(manifest.kind !== item.kind && { kind: manifest.kind }),
    ...(item.callbackUrl !== undefined && urlsOf(manifest)),
  };
}

function urlsOf({ renditions }: Manifest): Pick<ItemResult, 'urls'> {
  const urls = renditions.flatMap(({ name, url }): [string, string][] => (url === undefined ? [] : [[name, url]]));
  return urls.length === 0 ? {} : { urls: Object.fromEntries(urls) };
}
