import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** Path of a program on PATH, or else in one of `folders`. Here because only this folder reads the environment. */
export function which(name: string, folders: string[] = []): string | undefined {
  const fileName = process.platform === 'win32' ? `${name}.exe` : name;
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter);
  return [...onPath, ...folders]
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, fileName))
    .find(isExecutable);
}

/** True for a file that this process may run. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
