import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Where the kernel shows control groups; tests pass folders of their own. */
export interface CgroupPlaces {
  /** Mount point of the hierarchy (v2) or of the folder of hierarchies (v1). */
  mount: string;
  /** Lists the groups of this process. */
  self: string;
}

const SYSTEM: CgroupPlaces = { mount: '/sys/fs/cgroup', self: '/proc/self/cgroup' };

/**
 * Contents of a file of version 2 in the group of this process and in every group above, innermost first: the limits of
 * all of them hold. Empty where there is no such file.
 */
export function cgroupV2(file: string, { mount, self }: CgroupPlaces = SYSTEM): string[] {
  return upwards(
    mount,
    groupOf(self, (id, controllers) => id === '0' && controllers === ''),
    file,
  );
}

/** The same for version 1, where each controller has a hierarchy of its own. */
export function cgroupV1(controller: string, file: string, { mount, self }: CgroupPlaces = SYSTEM): string[] {
  const group = groupOf(self, (_id, controllers) => controllers.split(',').includes(controller));
  return upwards(path.join(mount, controller), group, file);
}

/** Lines are `<id>:<controllers>:<path>`. */
function groupOf(self: string, matches: (id: string, controllers: string) => boolean): string {
  const lines = (read(self) ?? '').split('\n').map((line) => /^(\d+):([^:]*):(.*)$/.exec(line));
  return lines.find((parts) => parts !== null && matches(parts[1] ?? '', parts[2] ?? ''))?.[3] ?? '/';
}

/** In a container the listed path may be the host's, while the mount shows the container's own group as its root. */
function upwards(mount: string, group: string, file: string): string[] {
  const names = group.split('/').filter((name) => name !== '' && name !== '..');
  return [...names.keys(), names.length]
    .reverse()
    .map((depth) => read(path.join(mount, ...names.slice(0, depth), file)))
    .filter((text) => text !== undefined);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
