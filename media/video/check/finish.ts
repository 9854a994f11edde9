import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../common/errors';
import type { StepInput } from '../types';

/**
 * Makes files under temporary names (`.part` at their end) and gives them their own only when `make` returns, that is after
 * its checks. Whatever happens, nothing half-made is left.
 * @param names final names in `outputDir`
 */
export async function finished<T>(outputDir: string, names: string[], make: () => Promise<T>): Promise<T> {
  const files = names.map((name) => path.resolve(outputDir, name));
  const parts = files.map((file) => `${file}.part`);
  try {
    const result = await make();
    await Promise.all(parts.map((part, index) => rename(part, files[index] ?? part)));
    return result;
  } finally {
    await Promise.all(parts.map((part) => rm(part, { force: true })));
  }
}

/**
 * Size and hash of a file, read once.
 * @throws after an abort the signal's reason
 */
export async function fileFacts(
  file: string,
  { signal, onProgress }: Pick<StepInput, 'signal' | 'onProgress'>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
    bytes += chunk.length;
    onProgress?.({ step: 'hash', bytes });
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** The encoder said that all is well, and what it wrote is not: worth another try. */
export function badOutput(sentence: string, details: Record<string, string | number>): DarkroomError {
  return new DarkroomError('EncoderFailed', sentence, details);
}
