import type { BigIntStats, Dir, Dirent } from 'node:fs';
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../common/errors';
import type { AllowList } from '../allow';
import { codeOf, fileFailure, forbidden } from '../failures';
import type { ListOptions, ObjectInfo } from '../types';
import { fileUri, printable, type FileLocation } from '../uri';
import { contentTypeOf } from '../../common/file-types';
import { fingerprint } from './open';

/**
 * The regular files below a folder (or the one file itself), as the folder yields them. Memory grows with the depth
 * only. Links to folders are not followed; links to files are, if they stay inside of the roots.
 */
export async function* listLocal(at: FileLocation, allow: AllowList, options: ListOptions): AsyncGenerator<ObjectInfo> {
  const top = await realpath(at.path).catch((error: unknown) => {
    throw fileFailure(error, 'source', at.uri);
  });
  if (!allow.isInsideRealRoot(top)) throw outside(at.uri);
  const stats = await stat(top, { bigint: true });
  if (stats.isFile()) {
    yield describe(at.path, stats);
    return;
  }

  const report = (error: unknown, uri: string): void => {
    const failure = fileFailure(error, 'source', uri);
    if (!(failure instanceof DarkroomError) || options.onError === undefined) throw failure;
    options.onError(failure, uri);
  };
  const open: { folder: string; dir: Dir; isEmpty: boolean }[] = [];
  try {
    open.push({ folder: at.path, dir: await openFolder(at.path, at.uri), isEmpty: false });
    for (let current = open.at(-1); current !== undefined; current = open.at(-1)) {
      options.signal?.throwIfAborted();
      const entry = await current.dir.read();
      if (entry === null) {
        open.pop();
        await current.dir.close();
        if (current.isEmpty && options.onEmpty) await tellOfEmpty(current.folder, options.onEmpty);
        continue;
      }
      current.isEmpty = false;
      if (entry.name.startsWith('.') && !options.hidden) continue;
      const child = path.join(current.folder, entry.name);
      try {
        if (entry.isDirectory()) {
          open.push({ folder: child, dir: await openFolder(child, fileUri(child)), isEmpty: true });
        } else yield await file(child, entry, allow);
      } catch (error) {
        report(error, fileUri(child));
      }
    }
  } finally {
    for (const { dir } of open) await dir.close();
  }
}

/** A folder that is gone meanwhile is none. */
async function tellOfEmpty(folder: string, tell: NonNullable<ListOptions['onEmpty']>): Promise<void> {
  const modified = await stat(folder).then(
    (stats) => stats.mtimeMs,
    () => undefined,
  );
  if (modified !== undefined) await tell(fileUri(folder), modified);
}

async function openFolder(folder: string, uri: string): Promise<Dir> {
  try {
    return await opendir(folder, { bufferSize: 256 });
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'EACCES' && code !== 'EPERM') throw fileFailure(error, 'source', uri);
    throw forbidden('source', `Darkroom has no permission to read the folder ${printable(uri)}.`);
  }
}

async function file(child: string, entry: Dirent, allow: AllowList): Promise<ObjectInfo> {
  const uri = fileUri(child);
  if (entry.isSymbolicLink() && !allow.isInsideRealRoot(await realpath(child))) throw outside(uri);
  const stats = await (entry.isSymbolicLink() ? stat : lstat)(child, { bigint: true }).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT' || !entry.name.includes('\ufffd')) throw error;
    throw new DarkroomError('InvalidJob', `The name of ${printable(uri)} is not UTF-8; rename the file.`);
  });
  if (stats.isFile()) return describe(child, stats);
  const what = stats.isDirectory() ? 'a link to a folder, which is not followed' : 'not a regular file';
  throw new DarkroomError('InvalidJob', `${printable(uri)} is ${what}.`);
}

function describe(file: string, stats: BigIntStats): ObjectInfo {
  const uri = fileUri(file);
  return {
    uri,
    bytes: Number(stats.size),
    fingerprint: fingerprint(stats),
    contentType: contentTypeOf(file),
    modified: Number(stats.mtimeMs),
  };
}

function outside(uri: string): DarkroomError {
  return forbidden('source', `${printable(uri)} leads out of the folders that Darkroom may use.`);
}
