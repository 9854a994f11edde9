import { Readable } from 'node:stream';
import { isSourceNotFound } from '../../common/errors';
import { joinUri, type ObjectInfo } from '../../storage';
import { ApiError } from './http/problems';
import type { Service } from './service';

/** Parts of one upload; S3 takes as many of a file. */
const MAX_PARTS = 10_000;
/** Digits of an offset in a name, so that names sort as offsets do. */
const DIGITS = 16;

/** One part of a file that comes in several requests. */
export interface PartPlace {
  /** URI prefix of the parts. */
  folder: string;
  /** Bytes before this part. */
  offset: number;
  /** Of the whole file. */
  size: number;
}

/** The parts from the first byte on, without a gap, and how many bytes they have. */
export interface Parts {
  parts: ObjectInfo[];
  bytes: number;
}

/** Each part is a file of its own, named by its offset, so that any replica goes on with an upload. */
export async function partsIn({ storage }: Service, folder: string): Promise<Parts> {
  const found: ObjectInfo[] = [];
  try {
    for await (const info of storage.list(`${folder}/`)) found.push(info);
  } catch (error) {
    if (!isSourceNotFound(error)) throw error;
  }
  const all: Parts = { parts: [], bytes: 0 };
  for (const part of found.sort((a, b) => (a.uri < b.uri ? -1 : 1))) {
    if (!part.uri.endsWith(`/${nameOf(all.bytes)}`)) continue;
    all.parts.push(part);
    all.bytes += part.bytes;
  }
  return all;
}

/**
 * Keeps the next part.
 * @param bytes of the part; absent where the last part came before and only the end is asked for
 * @returns all parts so far
 * @throws ApiError UploadOffset where the upload goes on at another byte
 */
export async function keepPart(
  service: Service,
  { folder, offset, size }: PartPlace,
  bytes: AsyncIterable<Buffer> | undefined,
  signal: AbortSignal,
): Promise<Parts> {
  const before = await partsIn(service, folder);
  if (offset !== before.bytes) {
    throw new ApiError('UploadOffset', `The upload goes on at byte ${before.bytes}, not at ${offset}.`, {
      details: { offset: before.bytes },
    });
  }
  if (offset === size) return before;
  if (bytes === undefined) throw new ApiError('BadRequest', 'The part is empty.');
  if (before.parts.length >= MAX_PARTS) {
    throw new ApiError('BadRequest', `A file may come in ${MAX_PARTS} parts at most; send larger ones.`);
  }
  const stream = Readable.from(bytes, { objectMode: false });
  const part = await service.storage.putStream(joinUri(folder, nameOf(offset)), stream, {
    ...{ maxBytes: size - offset, contentType: 'application/octet-stream', signal, createOnly: true },
  });
  if (part.bytes === 0) {
    await service.storage.remove(part.uri);
    throw new ApiError('BadRequest', 'The part is empty.');
  }
  return { parts: [...before.parts, part], bytes: offset + part.bytes };
}

/** The bytes of all parts, one after the other. */
export async function* joined({ storage }: Service, { parts }: Parts, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (const { uri } of parts) {
    const { stream } = await storage.openRead(uri, { signal });
    yield* stream as AsyncIterable<Buffer>;
  }
}

function nameOf(offset: number): string {
  return String(offset).padStart(DIGITS, '0');
}
