import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

let mayMount: boolean | undefined;

/** True where this process may mount a tmpfs; otherwise says once that the tests of a full disk are skipped. */
export function canMountSmallDisk(): boolean {
  if (mayMount !== undefined) return mayMount;
  const probe = mkdtempSync(path.join(os.tmpdir(), 'darkroom-mount-'));
  mayMount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe]).status === 0;
  if (mayMount) execFileSync('umount', [probe]);
  else console.warn('skipped: tests of a full disk need the right to mount a small tmpfs');
  rmdirSync(probe);
  return mayMount;
}

/**
 * Mounts a tmpfs of `size` (as `mount` reads it: 256k, 4m) on `folder`, which is made if it is missing.
 * @returns the function that unmounts it
 */
export function mountSmallDisk(folder: string, size: string): () => void {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  // Lazily: a process that is just ending may still have a file open.
  return () => execFileSync('umount', ['--lazy', folder]);
}
