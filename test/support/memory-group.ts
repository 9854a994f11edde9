import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Control groups with a memory controller, by version: where groups are made, and the file of their limit. */
const VERSIONS = [
  { folder: '/sys/fs/cgroup', proof: '/sys/fs/cgroup/memory.max', limit: 'memory.max' },
  {
    folder: '/sys/fs/cgroup/memory',
    proof: '/sys/fs/cgroup/memory/memory.limit_in_bytes',
    limit: 'memory.limit_in_bytes',
  },
];

/** A control group of the test's own, as a container is one. */
export interface MemoryGroup {
  /** A process that writes its id into this file is in the group, and so are its children. */
  procs: string;
  remove(): void;
}

/** @returns undefined, and says why, where this process may not make a group with a limit */
export function memoryGroup(limitBytes: number): MemoryGroup | undefined {
  const version = VERSIONS.find(({ proof }) => existsSync(proof));
  const folder = path.join(version?.folder ?? '/nowhere', `darkroom-test-${process.pid}-${Date.now()}`);
  try {
    mkdirSync(folder);
    writeFileSync(path.join(folder, version?.limit ?? ''), String(limitBytes));
  } catch (error) {
    console.warn(`skipped: no control group with a memory limit can be made here (${String(error)})`);
    return undefined;
  }
  return { procs: path.join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder) };
}
