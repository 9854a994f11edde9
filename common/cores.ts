import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Cores that this process may really use: the affinity mask and the cgroup's CPU quota (v2 and v1), at least 1. */
export function availableCores(): number {
  const quota = cgroupQuota();
  return Math.max(1, Math.floor(Math.min(os.availableParallelism(), quota ?? Infinity)));
}

/** Cores by quota; undefined where there is no limit or no cgroup. */
function cgroupQuota(): number | undefined {
  const v2 = read('/sys/fs/cgroup/cpu.max')?.split(' ');
  if (v2) return v2[0] === 'max' ? undefined : Number(v2[0]) / Number(v2[1]);
  const quota = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const period = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 100_000);
  return quota > 0 ? quota / period : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
