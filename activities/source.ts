import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import { DarkroomError, ERRORS } from '../common/errors';
import { withoutSignature } from '../net/url';
import { printable, type Fetched } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { scan } from './scan';
import type { FetchTo, Lease, OnBytes } from './source-cache';

/** What the tasks of one item have to do with each other's source. */
export interface Sharing<T> {
  /** Another task of this worker may have fetched the source already; the store is asked for its version first. */
  again: boolean;
  /** Whether further tasks are to come; asked when the work has ended. */
  keep: (result: T) => boolean;
}

/**
 * Works on the item's source, fetched to the scratch disk. A source that changes meanwhile is noticed when the work has
 * ended, well or badly: the next attempt takes the new bytes, and what went wrong with a mixture is not the file's fault.
 * @param sharing for an item of several tasks; without it the source is this attempt's alone
 * @throws DarkroomError SourceUnavailable where the source has changed, else what `use` throws
 */
export async function withSource<T>(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  use: (source: Fetched) => Promise<T>,
  sharing?: Sharing<T>,
): Promise<T> {
  const lease = await leaseSource(deps, attempt, item, sharing);
  const { source } = lease;
  attempt.sourceSha256 = source.sha256;
  attempt.meter.call(source.path, '{source}');
  let keep = sharing?.again ?? false;
  try {
    const result = await use(source);
    const isUnchanged = await source.isUnchanged();
    keep = isUnchanged && (sharing?.keep(result) ?? false);
    if (isUnchanged) return result;
  } catch (error) {
    if (!mayBeBlamed(error) || !(await hasChanged(deps, attempt, item, source))) throw error;
    keep = false;
    const { type, message } = error;
    throw changed(item, { type, message });
  } finally {
    await lease.release(keep);
  }
  throw changed(item);
}

/** What every manifest says of a source. A signature in its address is left out: a manifest is read by more people than a job. */
export function fileFacts({ source: uri }: WorkItem, { bytes, sha256, fingerprint }: Fetched) {
  return { uri: withoutSignature(uri), bytes, sha256, fingerprint };
}

/** From the sources that this worker keeps, else fetched now. */
async function leaseSource<T>(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  sharing?: Sharing<T>,
): Promise<Lease> {
  const { sources, storage } = deps;
  const onBytes = (bytes: number): void => attempt.progress({ step: 'fetch', bytes });
  if (sharing === undefined || sources === undefined) {
    const source = await fetchSource(deps, attempt, item, path.join(attempt.workDir, 'in'), onBytes);
    return { source, release: () => Promise.resolve() };
  }
  // A store that does not say which version it has is asked for the file, and says then what is wrong.
  const version = sharing.again ? await storage.stat(item.source, attempt.signal).catch(() => undefined) : undefined;
  const fetch: FetchTo = (workPath, onProgress) => fetchSource(deps, attempt, item, workPath, onProgress);
  return sources.lease(version, fetch, { signal: attempt.signal, onProgress: onBytes });
}

/** Its arrival counts as progress and in the bytes read; it is scanned before anything else reads the file. */
async function fetchSource(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  workPath: string,
  onProgress: OnBytes,
): Promise<Fetched> {
  const options = { signal: attempt.signal, maxBytes: deps.config.maxSourceBytes, onProgress };
  const fetch = () => deps.storage.fetch(item.source, workPath, options);
  const source = await attempt.stages.run('fetch', item.kind, fetch, ({ bytes }) => bytes);
  attempt.sourceSha256 = source.sha256;
  deps.metrics.darkroom_bytes_read_total.inc({ kind: item.kind }, source.bytes);
  await scan(deps, attempt, item, source);
  return source;
}

/** Failures that say something about the file, or about what a program made of the file. */
function mayBeBlamed(error: unknown): error is DarkroomError {
  return error instanceof DarkroomError && (ERRORS[error.type].blame === 'input' || error.type === 'EncoderFailed');
}

/** Is the source another one than the one that was worked on? Where that cannot be found out: no. */
async function hasChanged(
  { storage }: ActivityDeps,
  { signal }: Attempt,
  item: WorkItem,
  source: Fetched,
): Promise<boolean> {
  try {
    if (!(await source.isUnchanged())) return true;
    // A web server may well name another version with each answer: a damaged file there would be tried for ever.
    if (/^https?:/i.test(item.source)) return false;
    return (await storage.stat(item.source, signal)).fingerprint !== source.fingerprint;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function changed(item: WorkItem, meanwhile: Record<string, string> = {}): DarkroomError {
  return new DarkroomError('SourceUnavailable', `${printable(item.source)} changed while it was being processed.`, {
    cause: 'changed',
    ...meanwhile,
  });
}
