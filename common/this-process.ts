import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/** A process as other processes, also of other machines, can know it. */
export interface ProcessIdentity {
  /** Of the running kernel: ids of processes mean nothing beyond it. */
  boot: string;
  /** The namespace of process ids: each container has its own. */
  namespace: string;
  pid: number;
  /** Clock ticks since the boot; tells a process from a later one with the same id. */
  started: string;
}

let own: ProcessIdentity | undefined;

/** This process. Where there is no /proc, kernel and namespace are made up, so that no other process claims to know it. */
export function thisProcess(): ProcessIdentity {
  return (own ??= identify());
}

function identify(): ProcessIdentity {
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
  return statOf(pid)[19];
}

/** Fields of proc_pid_stat(5) from the third on, the state. The second, in brackets, may itself hold blanks and brackets. */
function statOf(pid: number | 'self'): string[] {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return text.replace(/^.*\)/s, '').trim().split(' ');
}

/** Whether a process can be looked up from here: it belongs to the same kernel and the same namespace of process ids. */
export function isNeighbour({ boot, namespace }: ProcessIdentity, self = thisProcess()): boolean {
  return boot === self.boot && namespace === self.namespace;
}

/** Whether a neighbour lives, frozen or not. A process that has ended and that its parent has not noticed yet does not. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: a process of another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const { 0: state, 19: start = started } = statOf(pid);
  return start === started && state !== 'Z';
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
