import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './shell.mjs';

/** A lock folder without an owner's id is one just being made, unless it is older than this. */
const OWNERLESS_MS = 5_000;

/** Runs `work` while holding the folder `dir`; waits for another holder, and takes over from one that died. */
export async function withLock(dir, work) {
  mkdirSync(path.dirname(dir), { recursive: true });
  let told = false;
  while (!tryLock(dir)) {
    const owner = ownerOf(dir);
    if (owner === 'dead') rmSync(dir, { recursive: true, force: true });
    else if (!told) {
      told = true;
      say('Another set-up is running in this folder: waiting for it');
    }
    await sleep(200);
  }
  // `exit` rather than `finally`: a failing step ends the process.
  const release = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', release);
  await work();
  process.off('exit', release);
  release();
}

function tryLock(dir) {
  try {
    mkdirSync(dir);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(path.join(dir, 'pid'), String(process.pid));
  return true;
}

function ownerOf(dir) {
  try {
    process.kill(Number(readFileSync(path.join(dir, 'pid'), 'utf8')), 0);
    return 'alive';
  } catch (error) {
    if (error.code === 'ESRCH') return 'dead';
    if (error.code !== 'ENOENT') return 'alive';
    const made = statSync(dir, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.mtimeMs > OWNERLESS_MS ? 'dead' : 'alive';
  }
}
