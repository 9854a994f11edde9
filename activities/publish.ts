import { Context } from '@temporalio/activity';
import type { ItemResult, Manifest, Placeholder, Rendition, SourceFacts, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { extensionOf } from '../common/file-types';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';

/** A file that media/ made: everything about a rendition but its published name, and where it lies now. */
export interface MadeFile extends Omit<Rendition, 'path'> {
  /** Absolute path in the work folder. */
  file: string;
}

/**
 * The name a file gets beside manifest.json. It carries recipe and source, so that a later run with another recipe or
 * another version of the source never overwrites what a live manifest names.
 */
export function outputName(name: string, item: WorkItem, sourceSha256: string, extension: string): string {
  return `${name}-${item.recipe}-${sourceSha256.slice(0, 10)}.${extension}`;
}

/** Puts one finished file into storage, under its final name, in one atomic step. */
export async function publishFile(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  sourceSha256: string,
  made: MadeFile,
): Promise<Rendition> {
  const { file: _file, ...facts } = made;
  const path = outputName(made.name, item, sourceSha256, extensionOf(made.mime));
  const publish = () => publishAs(deps, attempt, item, path, made);
  await attempt.stages.run('publish', made.role, publish, () => made.bytes);
  return { ...facts, path };
}

/** The same under a name of the caller's, relative to the item's folder. */
export async function publishAs(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  path: string,
  { file, mime, bytes, sha256 }: Pick<MadeFile, 'file' | 'mime' | 'bytes' | 'sha256'>,
): Promise<void> {
  const onProgress = (sent: number): void => attempt.progress({ step: 'publish', path, bytes: sent });
  const options = { contentType: mime, bytes, sha256, signal: attempt.signal, onProgress };
  await deps.storage.publishFile(file, `${item.output}/${path}`, options);
  deps.metrics.darkroom_bytes_written_total.inc({ kind: item.kind }, bytes);
}

export interface ManifestParts {
  source: SourceFacts;
  renditions: Rendition[];
  placeholder?: Placeholder;
  warnings: string[];
  timings: Record<string, number>;
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
  const requestedAt = item.requestedAt ?? new Date(info.scheduledTimestampMs).toISOString();
  const manifest: Manifest = {
    version: 1,
    batchId: item.batchId,
    itemKey: item.itemKey,
    kind: item.kind,
    source: parts.source,
    preset: { name: item.preset.name, recipe: item.recipe },
    renditions: parts.renditions,
    placeholder: parts.placeholder,
    warnings: parts.warnings,
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
  await attempt.stages.run('publish', 'manifest', () => replace(deps, item, manifest));
  return summary(item, manifest);
}

async function replace(deps: ActivityDeps, item: WorkItem, manifest: Manifest): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const current = await deps.storage.readManifest(item.output);
    if (current && current.manifest.requestedAt > manifest.requestedAt) {
      deps.logger.warn({ output: item.output }, 'a later run has published already; its manifest stays');
      return;
    }
    if ((await deps.storage.replaceManifest(item.output, manifest, current?.version)) === 'written') return;
  }
  throw new DarkroomError('StorageUnavailable', 'The manifest keeps changing under our hands.', {
    output: item.output,
  });
}

/** The result of an item that this very run has published in an earlier attempt whose answer was lost. */
export async function alreadyPublished(deps: ActivityDeps, item: WorkItem): Promise<ItemResult | undefined> {
  const { info } = Context.current();
  if (info.attempt === 1) return undefined;
  const current = await deps.storage.readManifest(item.output);
  if (current?.manifest.workflow.runId !== info.workflowExecution?.runId) return undefined;
  return current && summary(item, current.manifest);
}

function summary(item: WorkItem, manifest: Manifest): ItemResult {
  return {
    manifest: `${item.output}/manifest.json`,
    bytesIn: manifest.source.bytes,
    bytesOut: manifest.renditions.reduce(
      (sum, rendition) => sum + rendition.bytes + (rendition.segments?.bytes ?? 0),
      0,
    ),
    renditions: manifest.renditions.length,
  };
}
