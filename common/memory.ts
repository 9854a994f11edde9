import { readFileSync } from 'node:fs';
import os from 'node:os';
import { cgroupV1, cgroupV2, type CgroupPlaces } from './cgroup';

/** Bytes that this process and its children may use together: the least limit of its control groups, else the machine's memory. */
export function memoryLimit(places?: CgroupPlaces): number {
  // `max`, or in version 1 a number beyond every machine, where there is none.
  const limits = [...cgroupV2('memory.max', places), ...cgroupV1('memory', 'memory.limit_in_bytes', places)].map(
    Number,
  );
  return Math.min(os.totalmem(), ...limits.filter((bytes) => bytes > 0));
}

/**
 * How many processes of this process's control group the kernel has killed for want of memory so far; where there are no
 * groups, of the whole machine. Only the difference of two readings says something.
 */
export function oomKills(places?: CgroupPlaces): number {
  const texts = [
    ...cgroupV2('memory.events', places).slice(0, 1),
    ...cgroupV1('memory', 'memory.oom_control', places).slice(0, 1),
  ];
  if (texts.length === 0) texts.push(readVmstat());
  return texts.reduce((sum, text) => sum + Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0), 0);
}

function readVmstat(): string {
  try {
    return readFileSync('/proc/vmstat', 'utf8');
  } catch {
    return '';
  }
}
