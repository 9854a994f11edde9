import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { DarkroomError } from '../../common/errors';
import { nameTaken, scratchFailure, unavailable } from '../failures';
import type { Published, PublishOptions } from '../types';
import { printable, type S3Location } from '../uri';
import { isMissing, isNotImplemented, isTaken } from './failures';
import { UploadBody } from './upload-body';

/** Up to here one PUT with the whole file in memory; above, parts. */
const SINGLE_PUT = 16 * 1024 * 1024;
const PART = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** ms for telling a store, which may hang, to drop the parts of an upload that failed. */
const CLEANUP_MS = 10_000;

/**
 * Uploads a file: either way it appears whole, under its name, or not at all. A name that is taken keeps its object
 * where the store knows conditional writes; one that does not know them replaces the object.
 */
export async function putFile(
  client: S3Client,
  localPath: string,
  at: S3Location,
  o: PublishOptions,
): Promise<Published> {
  const bytes = await stat(localPath).then(({ size }) => size, failScratch);
  if (o.bytes !== undefined && o.bytes !== bytes) {
    const details = { expected: o.bytes, found: bytes };
    throw new DarkroomError('StorageUnavailable', `The file for ${printable(at.uri)} changed on the way.`, details);
  }
  const metadata = o.sha256 === undefined ? undefined : { sha256: o.sha256 };
  const upload = async (condition: { IfNoneMatch?: '*' }): Promise<void> => {
    if (bytes <= SINGLE_PUT) {
      const body = await readFile(localPath).catch(failScratch);
      const facts = { ContentType: o.contentType, CacheControl: o.cacheControl, Metadata: metadata };
      const command = new PutObjectCommand({ Bucket: at.bucket, Key: at.key, Body: body, ...facts, ...condition });
      if (o.onProgress) countBody(command, summed(o.onProgress));
      await client.send(command, { abortSignal: o.signal });
      return;
    }
    const stream = createReadStream(localPath, { highWaterMark: 1024 * 1024, signal: o.signal });
    await putParts(client, stream, at, { ...o, metadata, bytes, condition });
  };
  try {
    await upload({ IfNoneMatch: '*' });
    return 'published';
  } catch (error) {
    if (isTaken(error)) return await checkPresent(client, at, bytes, o);
    if (!isNotImplemented(error)) throw error;
    await upload({});
    return 'published';
  }
}

/** @throws DarkroomError InvalidJob where another object has the name */
async function checkPresent(client: S3Client, at: S3Location, bytes: number, o: PublishOptions): Promise<Published> {
  const input = { Bucket: at.bucket, Key: at.key };
  const head = await client.send(new HeadObjectCommand(input), { abortSignal: o.signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw unavailable('output', `${printable(at.uri)} was removed while it was being written.`, error);
  });
  const sha256 = head.Metadata?.['sha256'];
  const other = o.sha256 !== undefined && sha256 !== undefined && sha256 !== o.sha256;
  if (head.ContentLength !== bytes || other) {
    throw nameTaken(at.uri, { expected: bytes, found: head.ContentLength ?? 0 });
  }
  return 'present';
}

interface PartOptions {
  contentType: string;
  cacheControl?: string;
  signal?: AbortSignal;
  metadata?: Record<string, string>;
  /** Of the whole object: with `*`, only if there is none of that name yet. */
  condition?: { IfNoneMatch?: '*' };
  /** Sizes the parts so that they suffice; unknown: parts of 8 MiB, 78 GiB at most. */
  bytes?: number;
  onProgress?: (bytes: number) => void;
}

/** Multipart upload with four parts in the air; aborted on failure, so that no parts stay behind. Returns the ETag. */
export async function putParts(
  client: S3Client,
  stream: Readable,
  at: S3Location,
  options: PartOptions,
): Promise<string | undefined> {
  const upload = new Upload({
    client: watched(client, options),
    params: {
      Bucket: at.bucket,
      Key: at.key,
      Body: stream,
      ContentType: options.contentType,
      CacheControl: options.cacheControl,
      Metadata: options.metadata,
      // Goes into the request that completes the upload (or the one PUT of a small body); the others ignore it.
      ...options.condition,
    },
    partSize: Math.max(PART, Math.ceil((options.bytes ?? 0) / (MAX_PARTS - 1))),
    queueSize: 4,
  });
  try {
    return (await upload.done()).ETag;
  } finally {
    stream.destroy();
  }
}

/**
 * The client, with a signal on each request of an upload and a count of the bytes of its parts. `Upload.abort()` ends
 * nothing that is in the air, and neither it nor `done()` waits until the parts are gone; a request that fails does. The
 * first and the last request of an aborted upload are let through: what the one has begun, the other cleans up.
 */
function watched(client: S3Client, { signal, onProgress }: Pick<PartOptions, 'signal' | 'onProgress'>): S3Client {
  const onTaken = onProgress && summed(onProgress);
  const send = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    if (onTaken && command instanceof UploadPartCommand) countBody(command, onTaken);
    if (command instanceof CreateMultipartUploadCommand) return client.send(command);
    const cleansUp = command instanceof AbortMultipartUploadCommand;
    return client.send(command, { abortSignal: cleansUp ? AbortSignal.timeout(CLEANUP_MS) : signal });
  };
  return Object.create(client, { send: { value: send } }) as S3Client;
}

/** Turns what is added into the sum so far. */
function summed(onProgress: (bytes: number) => void): (more: number) => void {
  let sum = 0;
  return (more) => onProgress((sum += more));
}

/**
 * Reports the bytes of a command's body while the store takes them. The SDK itself reports a part of 8 MiB when it has
 * arrived, which takes minutes on a slow line. What a repetition of the request sends again is no progress and not reported.
 * The body is replaced behind the signing, which wants it whole.
 */
function countBody(command: PutObjectCommand | UploadPartCommand, onTaken: (more: number) => void): void {
  let reached = 0;
  const advance = (bytes: number): void => {
    if (bytes <= reached) return;
    onTaken(bytes - reached);
    reached = bytes;
  };
  // Both commands' stacks take it; their union, to the compiler, takes nothing.
  const stack = command.middlewareStack as UploadPartCommand['middlewareStack'];
  stack.add(
    (next) => async (args) => {
      const request = args.request as { body?: unknown };
      const { body } = request;
      if (!Buffer.isBuffer(body)) return next(args);
      const counted = { body: { value: new UploadBody(body, advance) } };
      const result = await next({ ...args, request: Object.create(request, counted) as object });
      if ((result.response as { statusCode: number }).statusCode < 300) advance(body.length);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'darkroomCountBody' },
  );
}

function failScratch(error: unknown): never {
  throw scratchFailure(error);
}
