import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../common/config';
import { size } from '../common/config/parse';
import { projectRoot } from '../common/paths';
import { planSlots, WORKER_BYTES, type Machine, type Slots } from './slots';

const GIB = 2 ** 30;

function plan(env: Record<string, string>, cores: number, gib: number, scratch = 0): Slots {
  return planSlots(loadConfig(env), { cores, memory: gib * GIB, scratch: scratch * GIB });
}
const image = { DARKROOM_POOLS: 'image' };
const video = { DARKROOM_POOLS: 'video' };

test('with memory enough: a slot for each core, and the most that a slot may have', () => {
  expect(plan({}, 2, 24)).toEqual({
    image: 2,
    video: 2,
    ffmpegThreads: 1,
    imageBytes: 2 * GIB,
    ffmpegBytes: 8 * GIB,
    // Not served, so only what one model needs.
    ...{ models: 1, modelBytes: GIB, modelThreads: 2 },
  });
  expect(plan({ DARKROOM_POOLS: 'models', DARKROOM_MODEL_SLOTS: '4' }, 8, 4)).toMatchObject({
    ...{ models: 4, modelBytes: 3.5 * GIB, modelThreads: 2 },
  });
});

test('slots follow the memory of the container and not the cores of the node', () => {
  expect(plan(image, 8, 6)).toMatchObject({ image: 5, imageBytes: Math.floor((5.5 * GIB) / 5) });
  expect(plan(video, 8, 8)).toMatchObject({ video: 3, ffmpegThreads: 2, ffmpegBytes: 2.5 * GIB });
  expect(plan(image, 4, 1)).toMatchObject({ image: 1, imageBytes: 0.5 * GIB });
});

test('a scratch disk in memory counts', () => {
  expect(plan(image, 2, 4, 1)).toMatchObject({ image: 2, imageBytes: 1.25 * GIB });
});

test('whatever is planned fits', () => {
  for (let cores = 1; cores <= 64; cores *= 2) {
    for (let gib = 2; gib <= 256; gib *= 1.5) {
      for (const env of [{}, image, video]) {
        const slots = plan(env, cores, gib);
        const images = env === video ? 0 : slots.image * slots.imageBytes;
        const videos = env === image ? 0 : slots.video * slots.ffmpegBytes;
        expect(images + videos + WORKER_BYTES).toBeLessThanOrEqual(gib * GIB);
        expect(Math.min(slots.image, slots.video)).toBeGreaterThanOrEqual(1);
      }
    }
  }
});

test('slots and sizes that are asked for are kept, and what does not fit is refused with the sum', () => {
  expect(plan({ ...image, DARKROOM_IMAGE_SLOTS: '2' }, 8, 3)).toMatchObject({ image: 2, imageBytes: 1.25 * GIB });
  const two = { ...image, DARKROOM_IMAGE_SLOTS: '2', DARKROOM_IMAGE_MAX_RSS: '2GiB' };
  expect(() => plan(two, 8, 3)).toThrow(
    'The memory does not add up: 2 image slots x 2 GiB + 0.5 GiB for the worker itself = 4.5 GiB, but 3 GiB may be used.',
  );
  expect(() => plan({ ...video, DARKROOM_VIDEO_SLOTS: '4' }, 8, 4)).toThrow(
    '4 video slots x 2 GiB + 0.5 GiB for the worker itself = 8.5 GiB, but 4 GiB may be used.',
  );
  expect(() => plan({}, 1, 1)).toThrow('1 image slot x 1 GiB + 1 video slot x 2 GiB');
});

/** The workers of docker-compose.yml with their limits. */
test('the workers of Compose fit their containers', () => {
  const text = readFileSync(path.join(projectRoot(), 'docker-compose.yml'), 'utf8');
  const { services } = parse(text, { merge: true }) as {
    services: Record<
      string,
      {
        environment?: Record<string, string>;
        tmpfs?: string[];
        deploy: { resources: { limits: { cpus: string; memory: string } } };
      }
    >;
  };
  const bytes = (compose: string): number => size(compose.replace('m', 'MiB').replace('g', 'GiB'));
  const workers = Object.entries(services).filter(([name]) => name.startsWith('workers-'));
  for (const [, { environment, tmpfs = [], deploy }] of workers) {
    const { cpus, memory } = deploy.resources.limits;
    const scratch = /size=(\w+)/.exec(tmpfs[0] ?? '')?.[1];
    const machine: Machine = {
      cores: Number(cpus),
      memory: bytes(memory),
      scratch: scratch === undefined ? 0 : bytes(scratch),
    };
    const own = Object.entries(environment ?? {}).filter(([name]) => /_(POOLS|SLOTS)$/.test(name));
    const pool = String(environment?.['DARKROOM_POOLS']);
    if (pool !== 'workflows') expect(own.map(([name]) => name)).toContain(`DARKROOM_${pool.toUpperCase()}_SLOTS`);
    expect(() => planSlots(loadConfig(Object.fromEntries(own)), machine)).not.toThrow();
  }
  expect(workers).toHaveLength(3);
});
