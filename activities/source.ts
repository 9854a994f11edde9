import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import { DarkroomError, ERRORS } from '../common/errors';
import { printable, type Fetched } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { scan } from './scan';

/**
 * Works on the item's source, fetched to the scratch disk. A source that changes meanwhile is noticed when the work has
 * ended, well or badly: the next attempt takes the new bytes, and what went wrong with a mixture is not the file's fault.
 * @throws DarkroomError SourceUnavailable where the source has changed, else what `use` throws
 */
export async function withSource<T>(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  use: (source: Fetched) => Promise<T>,
): Promise<T> {
  const source = await fetchSource(deps, attempt, item);
  try {
    const result = await use(source);
    if (await source.isUnchanged()) return result;
  } catch (error) {
    if (!mayBeBlamed(error) || !(await hasChanged(deps, attempt, item, source))) throw error;
    const { type, message } = error;
    throw changed(item, { type, message });
  }
  throw changed(item);
}

/** Its arrival counts as progress and in the bytes read. */
async function fetchSource(deps: ActivityDeps, attempt: Attempt, item: WorkItem): Promise<Fetched> {
  const fetch = () =>
    deps.storage.fetch(item.source, path.join(attempt.workDir, 'in'), {
      signal: attempt.signal,
      maxBytes: deps.config.maxSourceBytes,
      onProgress: (bytes) => attempt.progress({ step: 'fetch', bytes }),
    });
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
