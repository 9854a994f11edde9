import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import path from 'node:path';
import type { MediaJob } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { joinUri, type Storage } from '../../storage';
import { itemKey } from '../core/keys';

const isLocal = (job: MediaJob): boolean => /^file:/i.test(job.source);

/**
 * Brings local files to a store that remote workers can read, each content once. The item keeps the identity of the local
 * file, so that the same command again finds what is done.
 * @param prefix `s3://bucket/prefix`
 * @param maxBytes of one file
 */
export function stagedUnder(prefix: string, storage: Storage, maxBytes: number): (job: MediaJob) => Promise<MediaJob> {
  return async (job) => {
    if (!isLocal(job)) return job;
    const { bytes, contentType } = await storage.stat(job.source);
    const extension = /\.[a-z0-9]{1,8}$/i.exec(path.basename(job.source))?.[0].toLowerCase() ?? '';
    const target = joinUri(prefix, `${await sha256Of(storage, job.source)}${extension}`);
    if (!(await isThere(storage, target, bytes))) {
      const { stream } = await storage.openRead(job.source);
      await storage.putStream(target, stream, { maxBytes, contentType: contentType ?? 'application/octet-stream' });
    }
    return { ...job, id: job.id ?? itemKey(job.source), source: target };
  };
}

/** For a remote server without staging: says what is wrong, item by item. */
export function refuseLocal(job: MediaJob): Promise<MediaJob> {
  if (!isLocal(job)) return Promise.resolve(job);
  const refusal = new DarkroomError(
    'SourceForbidden',
    'The file lies on this machine, where remote workers cannot read it.',
  );
  return Promise.reject(refusal);
}

/** Of all its bytes; lower-case hex. */
export async function sha256Of(storage: Storage, uri: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const { stream } = await storage.openRead(uri, { signal });
  await pipeline(stream, hash);
  return hash.digest('hex');
}

async function isThere(storage: Storage, uri: string, bytes: number): Promise<boolean> {
  try {
    return (await storage.stat(uri)).bytes === bytes;
  } catch (error) {
    if (error instanceof DarkroomError && error.type === 'SourceNotFound') return false;
    throw error;
  }
}
