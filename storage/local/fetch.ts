import { createHash } from 'node:crypto';
import { link, open, rm, stat, type FileHandle } from 'node:fs/promises';
import type { AllowList } from '../allow';
import { codeOf, fileFailure, scratchFailure, tooLarge, translating, unavailable } from '../failures';
import type { Fetched, FetchOptions } from '../types';
import { printable, type FileLocation } from '../uri';
import { contentTypeOf } from '../../common/file-types';
import { fingerprint, openInside, type OpenFile } from './open';

const CHUNK = 1024 * 1024;

/**
 * Hashes a local source and makes it readable at `workPath`: as a hard link, which stays the same file whatever happens
 * to the source's name, or as a copy where the file system allows no link (another disk, another owner).
 */
export async function fetchLocal(
  at: FileLocation,
  workPath: string,
  allow: AllowList,
  options: FetchOptions,
): Promise<Fetched> {
  return translating(
    options.signal,
    (error) => fileFailure(error, 'source', at.uri),
    async () => {
      const source = await openInside(at, allow);
      let copy: FileHandle | undefined;
      try {
        if (source.stats.size > BigInt(options.maxBytes)) throw tooLarge(at.uri, options.maxBytes);
        const linked = await tryLink(source, workPath);
        if (!linked) copy = await open(workPath, 'wx').catch(failScratch);
        const sha256 = await hashThrough(source, copy, options);
        // The file may have been written to meanwhile: then what was hashed and what is read later differ.
        const after = fingerprint(await source.handle.stat({ bigint: true }));
        if (after !== fingerprint(source.stats)) {
          throw unavailable('source', `${printable(at.uri)} changed while it was being read.`, 'changed');
        }
        await copy?.close().catch(failScratch);
        const contentType = contentTypeOf(at.path);
        return {
          uri: at.uri,
          bytes: Number(source.stats.size),
          fingerprint: after,
          contentType,
          path: workPath,
          sha256,
          // A writer that opened the source by its name changes what the link shows.
          isUnchanged: async () => !linked || fingerprint(await stat(workPath, { bigint: true })) === after,
        };
      } catch (error) {
        await copy?.close().catch(() => undefined);
        await rm(workPath, { force: true });
        throw error;
      } finally {
        await source.handle.close();
      }
    },
  );
}

function failScratch(error: unknown): never {
  throw scratchFailure(error);
}

/** True if `workPath` now is the very file that was opened. */
async function tryLink(source: OpenFile, workPath: string): Promise<boolean> {
  try {
    await link(source.real, workPath);
  } catch (error) {
    if (['ENOSPC', 'EDQUOT', 'EEXIST'].includes(codeOf(error) ?? '')) throw scratchFailure(error);
    return false;
  }
  const linked = await stat(workPath, { bigint: true });
  if (linked.ino === source.stats.ino && linked.dev === source.stats.dev) return true;
  await rm(workPath);
  return false;
}

async function hashThrough(source: OpenFile, copy: FileHandle | undefined, options: FetchOptions): Promise<string> {
  const hash = createHash('sha256');
  const size = Number(source.stats.size);
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(size, CHUNK)));
  for (let done = 0; done < size;) {
    options.signal?.throwIfAborted();
    const { bytesRead } = await source.handle.read(buffer, 0, Math.min(buffer.length, size - done), done);
    if (bytesRead === 0) break; // Cut short meanwhile; the fingerprint tells.
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await copy?.writeFile(chunk).catch(failScratch);
    done += bytesRead;
    options.onProgress?.(done);
  }
  return hash.digest('hex');
}
