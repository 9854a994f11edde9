import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { AllowList } from '../allow';
import { codeOf, forbidden } from '../failures';
import type { Published } from '../types';
import { printable, type FileLocation } from '../uri';

/** A hidden name beside the final one, on the same file system, that fits into 255 bytes. */
export function temporaryName(name: string): string {
  // A third of the bytes at most, since one character may take four and a cut must not split it.
  const short = Buffer.byteLength(name) <= 200 ? name : [...name].slice(0, 50).join('');
  return `.${short}.${randomBytes(6).toString('hex')}.part`;
}

/**
 * Runs `write` with the real path of the folder that `at` lies in, which is made if need be and is inside of a root.
 * Once more if the folder went away meanwhile: `remove` takes empty ones with it.
 */
export async function inFolder<T>(
  at: FileLocation,
  allow: AllowList,
  write: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = path.dirname(at.path);
  try {
    return await write(await realFolder(folder, at, allow));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return await write(await realFolder(folder, at, allow));
  }
}

async function realFolder(folder: string, at: FileLocation, allow: AllowList): Promise<string> {
  const real = await realpath(folder).catch(async (error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    allow.makeRoot(folder);
    checkInside(await nearestReal(folder), at, allow);
    await mkdir(folder, { recursive: true });
    return realpath(folder);
  });
  checkInside(real, at, allow);
  return real;
}

/** Real path of the folder that `at` lies in, or undefined where there is none. */
export async function existingFolder(at: FileLocation, allow: AllowList): Promise<string | undefined> {
  try {
    const real = await realpath(path.dirname(at.path));
    checkInside(real, at, allow);
    return real;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Real path of the nearest parent that exists. */
async function nearestReal(folder: string): Promise<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    try {
      return await realpath(at);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || at === path.dirname(at)) throw error;
    }
  }
}

function checkInside(real: string, at: FileLocation, allow: AllowList): void {
  if (allow.isInsideRealRoot(real)) return;
  throw forbidden('output', `${printable(at.uri)} leads out of the folders that Darkroom may use.`);
}

/** `write` makes the file under a temporary name; then it takes the final one in a single step, or is gone. */
export async function replace(folder: string, name: string, write: (path: string) => Promise<void>): Promise<void> {
  const temporary = path.join(folder, temporaryName(name));
  try {
    await write(temporary);
    await rename(temporary, path.join(folder, name));
  } finally {
    // Also after success: renaming a hard link onto the same file does nothing and leaves it.
    await rm(temporary, { force: true });
  }
}

/**
 * Gives `file` a further name in one step, unless that name is taken.
 * @throws the file system's own error where it allows no link, EXDEV or EPERM for example
 */
export async function linkNew(file: string, name: string): Promise<Published> {
  try {
    await link(file, name);
    return 'published';
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return 'present';
  }
}

/** True where the file system, or the pair of them, has no hard links for this file. */
export function isLinkRefused(error: unknown): boolean {
  return ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error) ?? '');
}

/** Like replace, but a name that is taken keeps the file that has it. */
export async function create(folder: string, name: string, write: (path: string) => Promise<void>): Promise<Published> {
  const temporary = path.join(folder, temporaryName(name));
  const final = path.join(folder, name);
  try {
    await write(temporary);
    const linked = await linkNew(temporary, final).catch((error: unknown) => {
      if (!isLinkRefused(error)) throw error;
      return undefined;
    });
    if (linked !== undefined) return linked;
    // No hard links on this file system: a look and a rename, which two writers at the same moment can get between.
    if (await lstat(final).then(Boolean, () => false)) return 'present';
    await rename(temporary, final);
    return 'published';
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Makes the names in a folder survive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
