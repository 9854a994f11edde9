import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { thisProcess, type ProcessIdentity } from '../../common/this-process';

/** File in the folder of a process whose time of change is the sign of life. */
export const ALIVE_FILE = 'alive';

const NAME = /^worker-([0-9a-f]+)-([0-9a-f]+)-(\d+)-(\d+)$/;

export function folderName({ boot, namespace, pid, started }: ProcessIdentity): string {
  return `worker-${boot}-${namespace}-${pid}-${started}`;
}

/** @returns undefined for what is not a worker's folder */
export function ownerOf(name: string): ProcessIdentity | undefined {
  const [, boot = '', namespace = '', pid, started = ''] = NAME.exec(name) ?? [];
  return pid === undefined ? undefined : { boot, namespace, pid: Number(pid), started };
}

/** The folder of one worker process on the scratch disk; nothing of another process lies in it. */
export class ScratchFolder {
  readonly path: string;

  constructor(root: string, owner: ProcessIdentity = thisProcess()) {
    this.path = path.join(root, folderName(owner));
  }

  /** Makes the folder where it is missing, and shows that its owner lives. @throws what the file system says */
  async touch(): Promise<void> {
    const alive = path.join(this.path, ALIVE_FILE);
    const now = new Date();
    try {
      await utimes(alive, now, now);
    } catch {
      await mkdir(this.path, { recursive: true });
      await writeFile(alive, '');
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
