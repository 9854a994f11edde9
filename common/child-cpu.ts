import { readFileSync, writeFileSync } from 'node:fs';

/** What a child process used. Absent where the system does not say: no Linux, or a process that was gone too soon. */
export interface Usage {
  /** CPU seconds of the user and of the system, in steps of 10 ms. */
  cpuSeconds?: number;
  /** The most resident memory that was seen, bytes. */
  peakBytes?: number;
}

/** Linux counts CPU time for /proc in hundredths of a second, on every platform that Node runs on. */
const TICKS = 100;
/** Fields of /proc/PID/stat behind the name of the program, which may hold anything: utime, stime, cutime, cstime. */
const UTIME = 11;

/**
 * CPU seconds of each child that has ended. Node waits for a child by itself and drops its usage, so the sum that the kernel
 * keeps over all ended children is read at each end, and what was added is the child's. Where several have ended at
 * once, the ones that come later get what they were last seen with, and the first one the rest: the sum stays exact.
 */
class ChildCpu {
  private readonly live = new Map<number, { seen: number; reserved?: number }>();
  private counted = endedTicks();

  started(pid: number): void {
    this.live.set(pid, { seen: 0 });
  }

  /** A look at a child that runs: its peak memory. */
  look(pid: number): number | undefined {
    const child = this.live.get(pid);
    if (child !== undefined) child.seen = ticksOf(pid) ?? child.seen;
    return peakOf(pid);
  }

  /** To be called once, when the child has ended. @returns its CPU seconds */
  ended(pid: number): number | undefined {
    const child = this.live.get(pid);
    this.live.delete(pid);
    const total = endedTicks();
    if (total === undefined) return undefined;
    let ticks = total - (this.counted ?? 0) + (child?.reserved ?? 0);
    this.counted = total;
    for (const [other, facts] of this.live) {
      if (facts.reserved !== undefined || ticksOf(other) !== undefined) continue;
      facts.reserved = Math.min(facts.seen, ticks);
      ticks -= facts.reserved;
    }
    return ticks / TICKS;
  }
}

/** Of this process: there is one count of ended children. */
export const childCpu = new ChildCpu();

/** CPU seconds of a process so far, its threads included; undefined where the system does not say. */
export function cpuSecondsOf(pid: number): number | undefined {
  const ticks = ticksOf(pid);
  return ticks === undefined ? undefined : ticks / TICKS;
}

/** The most resident memory that the process has had since it began, or since {@link forgetPeak}; bytes. */
export function peakOf(pid: number): number | undefined {
  return statusBytes(pid, 'VmHWM');
}

/** The memory that the process has resident now, bytes. */
export function residentOf(pid: number): number | undefined {
  return statusBytes(pid, 'VmRSS');
}

function statusBytes(pid: number, field: 'VmHWM' | 'VmRSS'): number | undefined {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Lets the peak of a process that works for several tasks begin anew. Where that is not allowed, the peak stays. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // No Linux, or the process is gone.
  }
}

function ticksOf(pid: number): number | undefined {
  const [user, system] = timesOf(pid);
  return user === undefined || system === undefined ? undefined : user + system;
}

function endedTicks(): number | undefined {
  const [, , user, system] = timesOf('self');
  return user === undefined || system === undefined ? undefined : user + system;
}

/** Ticks: utime, stime, cutime, cstime; none where there is no such process. */
function timesOf(pid: number | 'self'): number[] {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields.slice(UTIME, UTIME + 4).map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
