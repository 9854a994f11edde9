import os from 'node:os';
import { cgroupV1, cgroupV2, type CgroupPlaces } from './cgroup';

/** Cores that this process may really use: the affinity mask and the CPU quotas of its control groups, at least 1. */
export function availableCores(places?: CgroupPlaces): number {
  // `<quota µs> <period µs>`; the quota is `max` where there is none.
  const v2 = cgroupV2('cpu.max', places).map((text) => ratio(...text.split(' ')));
  const periods = cgroupV1('cpu', 'cpu.cfs_period_us', places);
  // The quota is -1 where there is none.
  const v1 = cgroupV1('cpu', 'cpu.cfs_quota_us', places).map((quota, index) => ratio(quota, periods[index]));
  const quotas = [...v2, ...v1].filter((cores) => cores > 0);
  return Math.max(1, Math.floor(Math.min(os.availableParallelism(), ...quotas)));
}

function ratio(quota?: string, period = '100000'): number {
  return Number(quota) / Number(period);
}
