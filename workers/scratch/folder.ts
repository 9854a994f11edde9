import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** File in the folder of a process whose time of change is the sign of life. */
export const ALIVE_FILE = 'alive';

/** A process as other processes that share the scratch disk can know it. */
export interface Owner {
  /** Of the running kernel: ids of processes mean nothing beyond it. */
  boot: string;
  /** The namespace of process ids: each container has its own. */
  namespace: string;
  pid: number;
  /** Clock ticks since the boot; tells a process from a later one with the same id. */
  started: string;
}

const NAME = /^worker-([0-9a-f]+)-([0-9a-f]+)-(\d+)-(\d+)$/;

export function folderName({ boot, namespace, pid, started }: Owner): string {
  return `worker-${boot}-${namespace}-${pid}-${started}`;
}

/** @returns undefined for what is not a worker's folder */
export function ownerOf(name: string): Owner | undefined {
  const [, boot = '', namespace = '', pid, started = ''] = NAME.exec(name) ?? [];
  return pid === undefined ? undefined : { boot, namespace, pid: Number(pid), started };
}

/** This process. Where there is no /proc, kernel and namespace are made up, so that no other process claims to know it. */
export function thisProcess(): Owner {
  const random = randomUUID().replaceAll('-', '');
  return {
    boot: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).replace(/[^0-9a-f]/g, '') || random,
    namespace: attempt(() => readlinkSync('/proc/self/ns/pid')).replace(/\D/g, '') || random,
    pid: process.pid,
    started: startOf('self') ?? String(Date.now()),
  };
}

/** When a process started, in clock ticks since the boot; undefined where that cannot be read. */
export function startOf(pid: number | 'self'): string | undefined {
  // The name of the program, in brackets, may itself hold blanks and brackets. Field 22, where the state is field 3.
  const fields = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\)/s, '');
  return fields.trim().split(' ')[19];
}

/** The folder of one worker process on the scratch disk; nothing of another process lies in it. */
export class ScratchFolder {
  readonly path: string;

  constructor(root: string, owner: Owner = thisProcess()) {
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

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
