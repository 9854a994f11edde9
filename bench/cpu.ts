import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/<pid>/stat on Linux: USER_HZ is 100 on every architecture that Node runs on. */
const TICKS = 100;

interface ProcessStat {
  pid: number;
  parent: number;
  /** CPU seconds of the process and of the children that it has waited for. */
  seconds: number;
}

function readStat(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold blanks: fields are counted from behind it.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
    return { pid, parent: fields[1] ?? 0, seconds: (utime + stime + cutime + cstime) / TICKS };
  } catch {
    return undefined;
  }
}

/** CPU seconds that a process and everything below it have used so far, ended children included. Linux only. */
export function cpuSeconds(root: number): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
  const sum = (pid: number): number =>
    all.filter((stat) => stat.parent === pid).reduce((total, child) => total + sum(child.pid), 0) +
    (all.find((stat) => stat.pid === pid)?.seconds ?? 0);
  return sum(root);
}

/** CPU seconds of the processes below one, without its own and without those that have ended. Linux only. */
export function childCpuSeconds(root: number): number {
  return childrenOf(root).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? [])
    .flatMap((stat) => (stat.parent === parent ? [stat.pid] : []));
}

/** Bytes of memory that a process has resident; 0 once it is gone. Linux only. */
export function residentBytes(pid: number): number {
  try {
    const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return 1024 * Number(kilobytes);
  } catch {
    return 0;
  }
}
