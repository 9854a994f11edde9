import { createReadStream, createWriteStream } from 'node:fs';
import { link, open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DarkroomError } from '../../common/errors';
import type { AllowList } from '../allow';
import { codeOf } from '../failures';
import type { PublishOptions } from '../types';
import { printable, type FileLocation } from '../uri';
import { inFolder, replace } from './write';

/**
 * Gives a finished work file its place: by a hard link where it lies on the same disk, else as a copy.
 * Its bytes are on the disk before its name is, so that a manifest never names a file that a power failure emptied.
 */
export async function publishLocal(
  localPath: string,
  at: FileLocation,
  allow: AllowList,
  options: PublishOptions,
): Promise<void> {
  const name = path.basename(at.path);
  const links = await settle(localPath, at, options);
  await inFolder(at, allow, async (folder) => {
    // More than one name: a source's own hard link, say. Linked again, a later edit of the source would show here.
    if (links === 1 && (await tryLink(localPath, folder, name))) return;
    await replace(folder, name, (temporary) =>
      pipeline(
        createReadStream(localPath, { highWaterMark: 1024 * 1024 }),
        createWriteStream(temporary, { flags: 'wx', flush: true }),
        { signal: options.signal },
      ),
    );
  });
}

/** Writes the file's bytes to its disk; tells its number of names. */
async function settle(localPath: string, at: FileLocation, options: PublishOptions): Promise<number> {
  const handle = await open(localPath, 'r');
  try {
    const { nlink, size } = await handle.stat();
    if (options.bytes !== undefined && options.bytes !== size) {
      const details = { expected: options.bytes, found: size };
      throw new DarkroomError('StorageUnavailable', `The file for ${printable(at.uri)} changed on the way.`, details);
    }
    await handle.datasync();
    return nlink;
  } finally {
    await handle.close();
  }
}

/** False where the file systems allow no link. */
async function tryLink(localPath: string, folder: string, name: string): Promise<boolean> {
  try {
    await link(localPath, path.join(folder, name)).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
      await replace(folder, name, (temporary) => link(localPath, temporary));
    });
    return true;
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}
