import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { which } from '../common/config/executables';

/** Runs one of Prometheus's tools to its end. @throws with what it printed when it does not accept its input */
export async function runTool(program: string, args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { maxBuffer: 16 * 2 ** 20 });
    return stdout + stderr;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.slice(0, 3).join(' ')}:\n${stdout}${stderr || String(error)}`, { cause: error });
  }
}

/** True where the program is installed, under any of these names; otherwise says which tests do not run. */
export function hasTool(...names: string[]): boolean {
  if (names.some((name) => which(name) !== undefined)) return true;
  process.stderr.write(
    `Skipped: ${names.join(' or ')} is not on PATH (Debian: apt-get install prometheus prometheus-alertmanager).\n`,
  );
  return false;
}

/** A temporary folder around `body`. */
export async function inTemporaryFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-observability-'));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
