import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { DarkroomError } from '../../common/errors';
import { nameTaken, scratchFailure, unavailable } from '../failures';
import type { Published, PublishOptions } from '../types';
import { printable, type S3Location } from '../uri';
import { isMissing, isNotImplemented, isTaken } from './failures';

/** Up to here one PUT with the whole file in memory; above, parts. */
const SINGLE_PUT = 16 * 1024 * 1024;
const PART = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;

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
      const input = { Bucket: at.bucket, Key: at.key, Body: body, ContentType: o.contentType, Metadata: metadata };
      await client.send(new PutObjectCommand({ ...input, ...condition }), { abortSignal: o.signal });
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
  signal?: AbortSignal;
  metadata?: Record<string, string>;
  /** Of the whole object: with `*`, only if there is none of that name yet. */
  condition?: { IfNoneMatch?: '*' };
  /** Sizes the parts so that they suffice; unknown: parts of 8 MiB, 78 GiB at most. */
  bytes?: number;
}

/** Multipart upload with four parts in the air; aborted on failure, so that no parts stay behind. Returns the ETag. */
export async function putParts(
  client: S3Client,
  stream: Readable,
  at: S3Location,
  options: PartOptions,
): Promise<string | undefined> {
  const upload = new Upload({
    client: abortable(client, options.signal),
    params: {
      Bucket: at.bucket,
      Key: at.key,
      Body: stream,
      ContentType: options.contentType,
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
 * The client, with a signal on each request of an upload. `Upload.abort()` ends nothing that is in the air, and neither
 * it nor `done()` waits until the parts are gone; a request that fails does. The first and the last request of an
 * aborted upload are let through: what the one has begun, the other cleans up.
 */
function abortable(client: S3Client, signal: AbortSignal | undefined): S3Client {
  const send = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    const whole = command instanceof CreateMultipartUploadCommand || command instanceof AbortMultipartUploadCommand;
    return client.send(command, whole ? {} : { abortSignal: signal });
  };
  return Object.create(client, { send: { value: send } }) as S3Client;
}

function failScratch(error: unknown): never {
  throw scratchFailure(error);
}
