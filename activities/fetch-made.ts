import path from 'node:path';
import { DarkroomError } from '../common/errors';
import type { WorkFile } from '../common/tasks';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';

/**
 * Brings what another task of the item has put into storage to the attempt's own folder.
 * @param name of the file there
 * @throws DarkroomError StorageUnavailable where the file is not what the task has put there
 */
export async function fetchMade(
  deps: ActivityDeps,
  attempt: Attempt,
  { uri, bytes, sha256 }: Pick<WorkFile, 'uri' | 'bytes' | 'sha256'>,
  name: string,
): Promise<string> {
  const onProgress = (read: number): void => attempt.progress({ step: 'fetch', bytes: read });
  const to = path.join(attempt.workDir, name);
  const fetched = await deps.storage.fetch(uri, to, { signal: attempt.signal, maxBytes: bytes, onProgress });
  if (fetched.sha256 === sha256) return fetched.path;
  throw new DarkroomError('StorageUnavailable', 'A file that an earlier step of this item made has changed.');
}
