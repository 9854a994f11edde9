import { constants, type BigIntStats } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { DarkroomError } from '../../common/errors';
import type { AllowList } from '../allow';
import { forbidden } from '../failures';
import { printable, type FileLocation } from '../uri';

export interface OpenFile {
  handle: FileHandle;
  /** Path without any symbolic link. */
  real: string;
  stats: BigIntStats;
}

/** O_NONBLOCK: opening a FIFO must not wait for its writer. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a regular file that really lies inside of a root, wherever its symbolic links lead.
 * @throws SourceForbidden, InvalidJob, or the file system's own error
 */
export async function openInside(at: FileLocation, allow: AllowList): Promise<OpenFile> {
  const real = await realpath(at.path);
  checkInside(real, at, allow);
  const handle = await open(real, FLAGS);
  try {
    // A folder on the way may have become a link since realpath looked: ask the kernel what was opened.
    if (process.platform === 'linux') checkInside(await readlink(`/proc/self/fd/${handle.fd}`), at, allow);
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) {
      const what = stats.isDirectory() ? 'a folder, not a file' : 'not a regular file';
      throw new DarkroomError('InvalidJob', `${printable(at.uri)} is ${what}.`);
    }
    return { handle, real, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function checkInside(real: string, at: FileLocation, allow: AllowList): void {
  if (allow.isInsideRealRoot(real)) return;
  throw forbidden('source', `${printable(at.uri)} leads out of the folders that Darkroom may use.`);
}

/** Size and modification time in µs: what changes when a file is written to. */
export function fingerprint(stats: BigIntStats): string {
  return `${stats.size}-${stats.mtimeNs / 1000n}`;
}
