import { appendFile, mkdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../common/config';

/** The file that the embedded worker reads as DARKROOM_ALLOWED_ROOTS_FILE. */
export function allowedRootsFile(config: Config): string {
  return config.allowedRootsFile ?? path.join(config.home, 'allowed-roots');
}

/**
 * Allows the embedded worker to read and write in these folders: whoever names a folder on the command line of this
 * machine may use it. Folders that are already there, or lie in one that is, are left out.
 */
export async function allowRoots(config: Config, folders: string[]): Promise<void> {
  const file = allowedRootsFile(config);
  const known = [...config.allowedRoots, ...(await readLines(file))];
  const fresh: string[] = [];
  for (const folder of folders) {
    // The worker compares real paths, so a link is stored as what it leads to; an output need not exist yet.
    const real = await realpath(folder).catch(() => path.resolve(folder));
    if (![...known, ...fresh].some((root) => isInside(real, root))) fresh.push(real);
  }
  if (fresh.length === 0) return;
  await mkdir(path.dirname(file), { recursive: true });
  // One short append is atomic, so two commands at once lose no line.
  await appendFile(file, fresh.map((root) => `${root}\n`).join(''));
}

async function readLines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

function isInside(folder: string, root: string): boolean {
  const relative = path.relative(root, folder);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}
