import { createHash } from 'node:crypto';
import type { HlsFile } from '../types';

/** A file of a stream. @param name relative to the multivariant playlist @param file where it lies */
export function fileOf(bytes: Buffer, name: string, file: string, mime: string): HlsFile {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path: name, file, mime, bytes: bytes.length, sha256 };
}
