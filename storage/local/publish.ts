import { createReadStream } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../common/errors';
import type { AllowList } from '../allow';
import { nameTaken } from '../failures';
import type { Published, PublishOptions } from '../types';
import { printable, type FileLocation } from '../uri';
import { flush } from './flush';
import { create, inFolder, isLinkRefused, linkNew } from './write';

const CHUNK = 1024 * 1024;
/** Bytes of a copy that may wait for the disk. */
const FLUSH_EVERY = 64 * CHUNK;

/**
 * Gives a finished work file its place: by a hard link where it lies on the same disk, else as a copy. A name that is
 * taken keeps its file.
 * Its bytes are on the disk before its name is, so that a manifest never names a file that a power failure emptied.
 */
export async function publishLocal(
  localPath: string,
  at: FileLocation,
  allow: AllowList,
  options: PublishOptions,
): Promise<Published> {
  const name = path.basename(at.path);
  const { links, bytes } = await settle(localPath, at, options);
  return inFolder(at, allow, async (folder) => {
    // More than one name: a source's own hard link, say. Linked again, a later edit of the source would show here.
    const linked = links === 1 ? await tryLink(localPath, path.join(folder, name)) : undefined;
    const outcome = linked ?? (await copy(localPath, folder, name, options));
    if (outcome === 'present') await checkPresent(path.join(folder, name), at, bytes);
    return outcome;
  });
}

/** Writes the file's bytes to its disk; returns its number of names and its size. */
async function settle(
  localPath: string,
  at: FileLocation,
  options: PublishOptions,
): Promise<{ links: number; bytes: number }> {
  const handle = await open(localPath, 'r');
  try {
    const { nlink, size } = await handle.stat();
    if (options.bytes !== undefined && options.bytes !== size) {
      const details = { expected: options.bytes, found: size };
      throw new DarkroomError('StorageUnavailable', `The file for ${printable(at.uri)} changed on the way.`, details);
    }
    await flush(handle, () => options.onProgress?.(0));
    return { links: nlink, bytes: size };
  } finally {
    await handle.close();
  }
}

/** Undefined where the file systems allow no link. */
async function tryLink(localPath: string, final: string): Promise<Published | undefined> {
  try {
    return await linkNew(localPath, final);
  } catch (error) {
    if (isLinkRefused(error)) return undefined;
    throw error;
  }
}

function copy(localPath: string, folder: string, name: string, options: PublishOptions): Promise<Published> {
  return create(folder, name, (temporary) => copyTo(localPath, temporary, options));
}

/** Flushed every so often, so that what is reported has reached the disk and the last flush takes a moment. */
async function copyTo(from: string, to: string, { signal, onProgress }: PublishOptions): Promise<void> {
  const file = await open(to, 'wx');
  try {
    let bytes = 0;
    let flushed = 0;
    for await (const chunk of createReadStream(from, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      await file.writeFile(chunk);
      bytes += chunk.length;
      if (bytes - flushed >= FLUSH_EVERY) {
        await file.datasync();
        flushed = bytes;
      }
      onProgress?.(bytes);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** @throws DarkroomError InvalidJob where something else has the name */
async function checkPresent(file: string, at: FileLocation, bytes: number): Promise<void> {
  const found = await lstat(file);
  if (found.isDirectory()) throw new DarkroomError('InvalidJob', `${printable(at.uri)} is a folder, not a file.`);
  if (!found.isFile() || found.size !== bytes) throw nameTaken(at.uri, { expected: bytes, found: found.size });
}
