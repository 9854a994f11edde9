import { constants, copyFile, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { AllowList } from '../allow';
import { unavailable } from '../failures';
import { printable, type FileLocation } from '../uri';
import { openInside } from './open';
import { create, inFolder, isLinkRefused, linkNew, syncFolder } from './write';

/**
 * A second name for a published file: a hard link, and where the file system allows none, a copy (a reflink where it can
 * make one). A name that is taken keeps its file.
 */
export async function copyLocal(from: FileLocation, to: FileLocation, allow: AllowList): Promise<void> {
  const source = await openInside(from, allow);
  try {
    await inFolder(to, allow, async (folder) => {
      const final = path.join(folder, path.basename(to.path));
      try {
        if ((await linkNew(source.real, final)) === 'published') await checkLinked(final, source, from);
      } catch (error) {
        if (!isLinkRefused(error)) throw error;
        await create(folder, path.basename(to.path), (temporary) => copyTo(source.real, temporary));
      }
      await syncFolder(folder);
    });
  } finally {
    await source.handle.close();
  }
}

/** The path may have come to lead elsewhere since it was checked. */
async function checkLinked(
  final: string,
  { stats }: Awaited<ReturnType<typeof openInside>>,
  from: FileLocation,
): Promise<void> {
  const linked = await stat(final, { bigint: true });
  if (linked.ino === stats.ino && linked.dev === stats.dev) return;
  await rm(final, { force: true });
  throw unavailable('source', `${printable(from.uri)} changed while it was being copied.`, 'changed');
}

async function copyTo(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const file = await open(to, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
