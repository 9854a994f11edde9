import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { availableCores } from '../../common/cores';
import { built, projectRoot } from '../../common/paths';
import { listPresets, loadPreset } from '../../media/presets';
import { broken, missing, ok, type Check } from './types';

const GIB = 2 ** 30;
const LEAST_FREE_BYTES = 2 * GIB;
const LEAST_MEMORY_BYTES = 2 * GIB;

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** What this machine and this checkout bring along. */
export const machineChecks: Check[] = [
  { name: 'Node', run: () => ok(`${process.version}, ${process.platform} ${process.arch}`) },
  {
    name: 'packages',
    run: () =>
      existsSync(path.join(projectRoot(), 'node_modules', '.darkroom-installed'))
        ? ok('installed from package-lock.json')
        : missing('not installed by the set-up', 'node scripts/setup.mjs'),
  },
  {
    name: 'build',
    run: () =>
      [built('workers/main.js'), built('workflow-bundle.js')].every((file) => existsSync(file))
        ? ok('dist/ is built')
        : missing('dist/ is not complete', 'npm run build'),
  },
  { name: 'cores', run: () => ok(`${availableCores()} that this process may use`) },
  {
    name: 'memory',
    run: async () => {
      const bytes = Math.min(os.totalmem(), (await cgroupMemory()) ?? Infinity);
      return bytes >= LEAST_MEMORY_BYTES
        ? ok(gib(bytes))
        : broken(`${gib(bytes)} is little`, 'Give it 2 GiB, or set DARKROOM_IMAGE_SLOTS=1 and DARKROOM_VIDEO_SLOTS=1');
    },
  },
  {
    name: 'scratch folder',
    run: async ({ config: { scratchDir } }) => {
      const probe = path.join(scratchDir, `.doctor-${process.pid}`);
      try {
        await mkdir(scratchDir, { recursive: true });
        await writeFile(probe, '');
        await rm(probe);
      } catch (error) {
        return broken(`${scratchDir}: ${String(error)}`, 'Set DARKROOM_SCRATCH_DIR to a folder that can be written');
      }
      const { bavail, bsize } = await statfs(scratchDir);
      return bavail * bsize >= LEAST_FREE_BYTES
        ? ok(`${scratchDir}, ${gib(bavail * bsize)} free`)
        : broken(`${scratchDir}: only ${gib(bavail * bsize)} free`, 'Free space, or set DARKROOM_SCRATCH_DIR');
    },
  },
  {
    name: 'allowed folders',
    run: ({ config: { allowedRoots, allowedBuckets } }) => {
      if (allowedRoots.length + allowedBuckets.length === 0) {
        return broken('nothing may be read or written', 'Set DARKROOM_ALLOWED_ROOTS or DARKROOM_ALLOWED_BUCKETS');
      }
      return ok([...allowedRoots, ...allowedBuckets.map((bucket) => `s3://${bucket}`)].join(', '));
    },
  },
  {
    name: 'presets',
    run: async ({ config: { presetsDir } }) => {
      const names = await listPresets(presetsDir);
      for (const name of names) await loadPreset(presetsDir, name);
      return names.length > 0 ? ok(names.join(', ')) : missing(`none in ${presetsDir}`, 'Set DARKROOM_PRESETS_DIR');
    },
  },
];

/** Bytes that the cgroup allows; undefined where there is no limit. */
async function cgroupMemory(): Promise<number | undefined> {
  const limit = Number(await readFile('/sys/fs/cgroup/memory.max', 'utf8').catch(() => ''));
  return limit > 0 ? limit : undefined;
}
