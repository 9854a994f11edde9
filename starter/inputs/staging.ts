import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import path from 'node:path';
import type { MediaJob } from '../../common/contracts';
import { DarkroomError, isSourceNotFound } from '../../common/errors';
import { joinUri, type Storage } from '../../storage';
import { itemKey } from '../core/keys';

const isLocalUri = (uri: string): boolean => /^file:/i.test(uri);
const isLocal = ({ source, inputs = [] }: MediaJob): boolean =>
  [source, ...inputs.map((each) => each.source)].some(isLocalUri);

/** The job with its local files elsewhere. It keeps the identity of the local file. @param move to a new address */
export async function movedJob(job: MediaJob, move: (uri: string) => Promise<string>): Promise<MediaJob> {
  if (!isLocal(job)) return job;
  const moved = (uri: string) => (isLocalUri(uri) ? move(uri) : Promise.resolve(uri));
  const source = await moved(job.source);
  const inputs =
    job.inputs && (await Promise.all(job.inputs.map(async (each) => ({ ...each, source: await moved(each.source) }))));
  return { ...job, id: job.id ?? itemKey(job.source), source, ...(inputs && { inputs }) };
}

/**
 * Brings local files to a store that remote workers can read, each content once. The item keeps the identity of the local
 * file, so that the same command again finds what is done.
 * @param prefix `s3://bucket/prefix`
 * @param maxBytes of one file
 */
export function stagedUnder(prefix: string, storage: Storage, maxBytes: number): (job: MediaJob) => Promise<MediaJob> {
  const stage = async (uri: string): Promise<string> => {
    const { bytes, contentType } = await storage.stat(uri);
    const extension = /\.[a-z0-9]{1,8}$/i.exec(path.basename(uri))?.[0].toLowerCase() ?? '';
    const target = joinUri(prefix, `${await sha256Of(storage, uri)}${extension}`);
    if (!(await isThere(storage, target, bytes))) {
      const { stream } = await storage.openRead(uri);
      await storage.putStream(target, stream, { maxBytes, contentType: contentType ?? 'application/octet-stream' });
    }
    return target;
  };
  return (job) => movedJob(job, stage);
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
    if (isSourceNotFound(error)) return false;
    throw error;
  }
}
