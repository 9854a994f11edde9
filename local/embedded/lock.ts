import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 200;
/** A lock without a readable owner is one that is just being made, unless it is older than this. */
const OWNERLESS_MS = 5_000;

/**
 * Runs `work` while holding the lock folder `dir`; a second process waits. A lock whose owner is gone is taken over.
 * @param onWait called once when somebody else holds the lock.
 */
export async function withLock<T>(dir: string, work: () => Promise<T>, onWait?: (pid: number) => void): Promise<T> {
  await mkdir(path.dirname(dir), { recursive: true });
  let told = false;
  while (!(await tryLock(dir))) {
    const owner = await ownerOf(dir);
    if (owner === 'stale') {
      await rm(dir, { recursive: true, force: true });
      continue;
    }
    if (!told && typeof owner === 'number') {
      told = true;
      onWait?.(owner);
    }
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function tryLock(dir: string): Promise<boolean> {
  try {
    await mkdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(path.join(dir, 'pid'), String(process.pid));
  return true;
}

async function ownerOf(dir: string): Promise<number | 'stale' | 'unknown'> {
  try {
    const pid = Number(await readFile(path.join(dir, 'pid'), 'utf8'));
    if (Number.isInteger(pid) && pid > 0) return isAlive(pid) ? pid : 'stale';
    return 'unknown';
  } catch {
    const made = await stat(dir).catch(() => undefined);
    return made !== undefined && Date.now() - made.mtimeMs > OWNERLESS_MS ? 'stale' : 'unknown';
  }
}

/** True while a process has this id (even one of another user's). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
