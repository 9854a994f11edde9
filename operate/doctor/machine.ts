import { existsSync } from 'node:fs';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isolation, isolationGap } from '../../common/apart';
import { availableCores } from '../../common/cores';
import { memoryLimit } from '../../common/memory';
import { built, projectRoot } from '../../common/paths';
import { listPresets, loadPreset } from '../../media/presets';
import { broken, missing, ok, optional, type Check } from './types';

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
    run: () => {
      const bytes = memoryLimit();
      return bytes >= LEAST_MEMORY_BYTES
        ? ok(gib(bytes))
        : broken(`${gib(bytes)} is little`, 'Give it 2 GiB, or set DARKROOM_IMAGE_SLOTS=1 and DARKROOM_VIDEO_SLOTS=1');
    },
  },
  {
    name: 'decoders',
    run: async () => {
      const gap = isolationGap(await isolation());
      if (gap === undefined) return ok('kept apart: no network, no secrets of the worker');
      return optional(gap, 'See docs/operations/security.md');
    },
  },
  {
    name: 'scratch folder',
    run: async ({ config: { scratchDir, scratchMinFree } }) => {
      const probe = path.join(scratchDir, `.doctor-${process.pid}`);
      try {
        await mkdir(scratchDir, { recursive: true });
        await writeFile(probe, '');
        await rm(probe);
      } catch (error) {
        return broken(`${scratchDir}: ${String(error)}`, 'Set DARKROOM_SCRATCH_DIR to a folder that can be written');
      }
      const { bavail, bsize } = await statfs(scratchDir);
      const free = bavail * bsize;
      if (free >= LEAST_FREE_BYTES) return ok(`${scratchDir}, ${gib(free)} free`);
      const effect = free < scratchMinFree ? '; workers take no media work' : '';
      return broken(`${scratchDir}: only ${gib(free)} free${effect}`, 'Free space, or set DARKROOM_SCRATCH_DIR');
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
