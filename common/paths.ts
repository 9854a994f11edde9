import { existsSync } from 'node:fs';
import path from 'node:path';

let root: string | undefined;

/** The folder that holds package.json, whether this runs from the sources (tests) or from `dist/`. */
export function projectRoot(): string {
  if (root !== undefined) return root;
  let folder = __dirname;
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('package.json not found above ' + __dirname);
    folder = parent;
  }
  root = folder;
  return root;
}

/** Path of a built module, for processes of their own: `built('media/image/child.js')`. */
export function built(module: string): string {
  return path.join(projectRoot(), 'dist', module);
}
