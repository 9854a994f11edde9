/** Real workers on a real small disk: a full scratch disk costs no item anything, and dead workers leave nothing on it. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Service } from '../../local/embedded/child-process';
import { parsePreset } from '../../media/presets';
import { manifestOf, photo, submit } from '../support/items';
import { canMountSmallDisk, mountSmallDisk } from '../support/small-disk';
import { endProcess, startStack, until, type Stack } from '../support/stack';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ DARKROOM_SHUTDOWN_GRACE: '1s', DARKROOM_SHUTDOWN_FORCE: '20s' });
});
afterAll(() => stack.stop());

async function get(worker: Service, route: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${worker.httpPort}${route}`);
  return { status: response.status, text: await response.text() };
}

/** Attempts that the worker has begun, and those of them that failed. */
async function attempts(worker: Service): Promise<{ published: number; failed: number }> {
  const { text } = await get(worker, '/metrics');
  const sum = (pattern: RegExp): number => [...text.matchAll(pattern)].reduce((total, [, n]) => total + Number(n), 0);
  return {
    published: sum(/^darkroom_stage_duration_seconds_count\{stage="publish",format="manifest"\} (\d+)$/gm),
    failed: sum(/^darkroom_errors_total\{.*\} (\d+)$/gm),
  };
}

const onSmallDisk = canMountSmallDisk() ? test : test.skip;

onSmallDisk(
  'a worker whose scratch disk is full takes no media work and says so, until there is room',
  async () => {
    const disk = path.join(stack.home, 'disk');
    const unmount = mountSmallDisk(disk, '32m');
    try {
      await writeFile(path.join(disk, 'ballast'), Buffer.alloc(32 * 2 ** 20)).catch(() => undefined);
      const full = await stack.worker({ DARKROOM_SCRATCH_DIR: disk, DARKROOM_POOLS: 'image' });
      const healthy = await stack.worker();
      const items = await Promise.all(Array.from({ length: 20 }, async () => submit(stack, await photo(stack))));
      for (const { item, handle } of items) {
        await handle.result();
        expect((await manifestOf(item)).workflow.attempt).toBe(1);
      }
      expect(await attempts(full)).toEqual({ published: 0, failed: 0 });
      expect((await attempts(healthy)).published).toBe(20);

      const ready = await get(full, '/ready');
      expect(ready.status).toBe(503);
      expect(ready.text).toContain('The scratch disk is full: 0 MiB free, 4 MiB needed.');
      expect((await get(full, '/metrics')).text).toMatch(/^darkroom_scratch_full 1$/m);
      const log = await readFile(path.join(stack.home, 'log', 'worker-1.log'), 'utf8');
      expect(log.match(/no media work is taken/g)).toHaveLength(1);

      await rm(path.join(disk, 'ballast'));
      await until(async () => (await get(full, '/ready')).status === 200);
      await healthy.stop();
      const workflows = await stack.worker({ DARKROOM_POOLS: 'workflows' });
      const { handle } = await submit(stack, await photo(stack));
      await handle.result();
      expect((await attempts(full)).published).toBe(1);
      await Promise.all([full.stop(), workflows.stop()]);
    } finally {
      unmount();
    }
  },
  120_000,
);

/** Everything below a folder, by relative path. */
async function folders(folder: string): Promise<string[]> {
  return readdir(folder, { recursive: true });
}

test('a killed worker’s files go when the next one starts, and those of a living one stay', async () => {
  const scratch = path.join(stack.home, 'scratch');
  const slow = parsePreset('slow', 'image: { renditions: [{ name: a, format: avif, width: 1500, effort: 9 }] }');
  const workflows = await stack.worker({ DARKROOM_POOLS: 'workflows', DARKROOM_SCRATCH_DIR: `${stack.home}/other` });
  const living = await stack.worker({ DARKROOM_POOLS: 'image' });
  const [kept] = await readdir(scratch);
  const doomed = await stack.worker({ DARKROOM_POOLS: 'image' });
  const file = await photo(stack, 1500);
  const items = await Promise.all(Array.from({ length: 4 }, () => submit(stack, file, slow)));
  const own = async (): Promise<string[]> => (await readdir(scratch)).filter((name) => name !== kept);
  await until(async () => {
    const [name = ''] = await own();
    return (await folders(path.join(scratch, name))).some((entry) => entry.endsWith('/in'));
  });
  const [left = ''] = await own();
  process.kill(doomed.pid, 'SIGKILL');
  await doomed.ended;
  await endProcess(doomed.pid);
  expect(await own()).toEqual([left]);
  const next = await stack.worker({ DARKROOM_POOLS: 'image' });
  expect(await readdir(scratch)).toContain(kept);
  expect(await readdir(scratch)).not.toContain(left);
  for (const { handle } of items) await handle.terminate('the test is over');
  await Promise.all([workflows, living, next].map((service) => service.stop()));
  expect(await readdir(scratch)).toEqual([]);
}, 120_000);
