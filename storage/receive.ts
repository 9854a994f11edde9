import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { tooLarge } from './failures';

/** Ends a stream that is no longer worth waiting for. */
export class Stalled extends Error {
  readonly code = 'ETIMEDOUT';
}

export interface Watch {
  /** ms; see Tuning. */
  window: number;
  windowBytes: number;
}

/**
 * Keeps an error that comes before anybody reads from ending the process; reading shows it all the same.
 * To be called before the first `await` that follows getting a stream.
 */
export function holdErrors(stream: Readable): void {
  stream.on('error', () => undefined);
}

interface LimitOptions {
  uri: string;
  maxBytes: number;
  signal?: AbortSignal;
  watch?: Watch;
}

/** The chunks of a stream, ended with MediaTooLarge at the limit, on abort, or when it drips too slowly. */
export async function* limited(stream: Readable, options: LimitOptions): AsyncGenerator<Buffer, void, undefined> {
  const { uri, maxBytes, signal, watch } = options;
  if (signal) addAbortSignal(signal, stream);
  let bytes = 0;
  let seen = 0;
  const watchdog =
    watch &&
    setInterval(() => {
      if (bytes - seen < watch.windowBytes) stream.destroy(new Stalled('too slow'));
      seen = bytes;
    }, watch.window);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(uri, maxBytes);
      yield chunk;
    }
  } finally {
    clearInterval(watchdog);
  }
}

/** A small text, read whole. @throws DarkroomError MediaTooLarge above `maxBytes` */
export async function receiveText(stream: Readable, options: LimitOptions): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of limited(stream, options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export interface ReceiveOptions extends LimitOptions {
  onProgress?: (bytes: number) => void;
  /** What an error while writing means; an error of the stream itself passes unchanged. */
  sinkFailure: (error: unknown) => unknown;
  /** Wait until the bytes are on the disk. */
  sync?: boolean;
}

/** Writes a stream to a new file and hashes it in passing. On failure the file is gone again. */
export async function receive(
  stream: Readable,
  path: string,
  options: ReceiveOptions,
): Promise<{ bytes: number; sha256: string }> {
  const fail = (error: unknown): never => {
    throw options.sinkFailure(error);
  };
  holdErrors(stream);
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx').catch((error: unknown) => {
    stream.destroy();
    return fail(error);
  });
  try {
    for await (const chunk of limited(stream, options)) {
      hash.update(chunk);
      await file.writeFile(chunk).catch(fail);
      bytes += chunk.length;
      options.onProgress?.(bytes);
    }
    if (options.sync) await file.datasync().catch(fail);
    await file.close().catch(fail);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(path, { force: true });
    throw error;
  }
  return { bytes, sha256: hash.digest('hex') };
}
