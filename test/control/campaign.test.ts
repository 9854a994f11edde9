/** Campaigns over finished items, on a real server, with a worker that is killed while two of them are under way. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Manifest, Preset } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import type { Settlement } from '../../common/campaign';
import { parsePreset } from '../../media/presets';
import { createStorage, fileUri, joinUri, Places, type Storage } from '../../storage';
import {
  approveCampaign,
  campaignInput,
  describeCampaign,
  settleOutcome,
  startCampaign,
} from '../../starter/core/campaign';
import { controlBatch } from '../../starter/core/control';
import { resolveJob } from '../../starter/core/job';
import { runMaintenance } from '../../starter/core/maintenance';
import { submitItem } from '../../starter/core/submit';
import type { Service } from '../../local/embedded/child-process';
import { checkedManifest, filesOf } from '../support/lab';
import { endProcess, startStack, until, type Stack } from '../support/stack';

/** More, by hand: `DARKROOM_TEST_ITEMS=300`, which also prints what was counted and how long it took. */
const ITEMS = Number(process.env['DARKROOM_TEST_ITEMS'] ?? 12);
const FIGURES = process.env['DARKROOM_TEST_ITEMS'] !== undefined;
const CANARY = 5;
const image = (quality: number) => `image: { renditions: [{ name: a, format: jpeg, width: 96, quality: ${quality} }] }`;
const OLD = parsePreset('old', image(80));
const OTHER = parsePreset('other', image(82));
const GOOD = parsePreset('good@new', image(78));

let stack: Stack;
let storage: Storage;
let worker: Service;
const outputs = (): string => new Places(stack.config).outputs;
/** Of the items made by each of the two presets. */
const folders: Record<string, string[]> = { old: [], other: [] };

beforeAll(async () => {
  stack = await startStack({
    DARKROOM_MAINTENANCE_GRACE: '1ms',
    DARKROOM_REUSE: 'true',
    DARKROOM_PUBLIC_URL: 'https://cdn.example',
  });
  storage = createStorage(stack.config);
  worker = await stack.worker();
  await mkdir(path.join(stack.home, 'in'));
  await forEachBounded(Array.from({ length: ITEMS }).keys(), 8, async (index) => {
    const file = path.join(stack.home, 'in', `${index}.png`);
    const small = sharp(randomBytes(12 * 8 * 3), { raw: { width: 12, height: 8, channels: 3 } });
    await writeFile(file, await small.resize(120, 80, { kernel: 'cubic' }).png().toBuffer());
    for (const preset of [OLD, OTHER]) folders[preset.name]?.push(await submit(index, preset, `Album-${preset.name}`));
  });
  await until(async () => (await completed('Album-old')) + (await completed('Album-other')) === 2 * ITEMS, 200);
});
afterAll(async () => {
  storage.close();
  await stack.stop();
});

/** @returns the item's folder */
async function submit(index: number, preset: Preset, batchId: string): Promise<string> {
  const context = { client: stack.client, storage, queuePrefix: stack.config.queuePrefix };
  const defaults = { batchId, output: joinUri(outputs(), batchId), preset: preset.name };
  const job = { source: fileUri(path.join(stack.home, 'in', `${index}.png`)), metadata: { index: String(index) } };
  const item = await resolveJob(job, defaults, { presets: () => Promise.resolve(preset), storage });
  await submitItem(context, item);
  return fileURLToPath(item.output);
}

async function completed(batchId: string): Promise<number> {
  const query = `MediaBatchId = "${batchId}" AND ExecutionStatus = "Completed"`;
  return (await stack.client.workflow.count(query)).count;
}

async function begin(preset: Preset, old: Preset): Promise<string> {
  const wish = { where: { preset: old.name }, canary: CANARY, atOnce: 3, minSsim: 0.8 };
  const input = campaignInput(preset, wish);
  await startCampaign(stack.client, stack.config.queuePrefix, input);
  return input.id;
}

const look = (id: string) => describeCampaign(stack.client, id);
const reaches = (id: string, phase: string): Promise<void> => until(async () => (await look(id)).phase === phase, 200);
const settle = async (id: string, how: Settlement): Promise<number> =>
  (await settleOutcome(stack.client, stack.config.queuePrefix, id, how)).result();

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
const presetsOf = async (old: Preset): Promise<string[]> => [
  ...new Set(await Promise.all(folders[old.name]!.map(async (folder) => (await manifestOf(folder)).preset.name))),
];
const started = Date.now();
const say = (what: string): void => {
  if (FIGURES) process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s: ${what}\n`);
};
/** SIGKILL to the only worker, and another one. */
async function replaceWorker(when: string): Promise<void> {
  await endProcess(worker.pid);
  const old = (await Promise.all(folders['old']!.map(manifestOf))).filter(({ preset }) => preset.name === 'old');
  say(`killed ${when}; ${old.length} of ${ITEMS} items have their old outputs`);
  worker = await stack.worker();
}
/** Every output by its hash; manifests by what they say, since the order of their fields is nobody's concern. */
async function everything(): Promise<Record<string, unknown>> {
  const home = fileURLToPath(outputs());
  const files = Object.entries(await filesOf(home)).filter(([name]) => !name.startsWith('_made/'));
  const said = files.map(async ([name, hash]): Promise<[string, unknown]> => {
    if (!name.endsWith('manifest.json')) return [name, hash];
    return [name, JSON.parse(await readFile(path.join(home, name), 'utf8'))];
  });
  return Object.fromEntries(await Promise.all(said));
}

/** A counter of the worker by its label, less what it was before; without those that are 0. */
async function counted(name: string, label: string, before: Record<string, number> = {}) {
  const text = await (await fetch(`http://127.0.0.1:${worker.httpPort}/metrics`)).text();
  const found = text.matchAll(new RegExp(`^darkroom_${name}\\{${label}="([^"]+)"\\} (\\d+)$`, 'gm'));
  const grown = [...found].map(([, value = '', times]) => [value, Number(times) - (before[value] ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, times]) => times > 0));
}

test('a worker killed in each phase stops no campaign: the bad recipe stops by itself, the good one replaces all and is taken back', async () => {
  const before = await everything();
  const bad = await begin(parsePreset('bad', image(1)), OTHER);
  await until(async () => (await stack.client.workflow.count(`MediaBatchId = "${bad}"`)).count > 0, 20);
  await replaceWorker('in the canary of the bad recipe');
  await reaches(bad, 'stopped');
  const stopped = await look(bad);
  say(`stopped: ${stopped.made} made, ${stopped.failed} failed`);
  expect(stopped.reason).toMatch(/resembles the old one by 0\.\d+ \(SSIM\)/);
  expect(stopped.made).toBeLessThanOrEqual(CANARY);
  expect(stopped.pairs[0]).toMatchObject({ ssim: stopped.lowestSsim, old: expect.stringMatching(/^Album-other\//) });
  expect(await presetsOf(OTHER)).toEqual(['other']);
  expect(await settle(bad, 'rollback')).toBe(0);

  const good = await begin(GOOD, OLD);
  await reaches(good, 'awaiting approval');
  expect(await presetsOf(OLD)).toEqual(['old']);
  expect(await controlBatch(stack.client, 'pause', good)).toMatchObject({ changed: 0, campaign: true });
  await approveCampaign(stack.client, good);
  expect(await look(good)).toMatchObject({ phase: 'awaiting approval', paused: true, made: CANARY });
  await controlBatch(stack.client, 'resume', good);
  await until(async () => (await look(good)).made >= Math.max(CANARY + 3, ITEMS / 2), 20);
  await replaceWorker('in the rest of the good recipe');
  await reaches(good, 'completed');
  say('completed');
  expect(await controlBatch(stack.client, 'pause', good)).toEqual({ changed: 0, already: 0, running: 0 });
  expect(await look(good)).toMatchObject({ made: ITEMS, failed: 0, passedOver: 0, closedAt: expect.any(String) });
  expect(await presetsOf(OLD)).toEqual(['good@new']);
  const [first] = folders['old']!;
  const adopted = await manifestOf(first!);
  expect(adopted).toMatchObject({ batchId: 'Album-old', metadata: { index: expect.any(String) } });
  const [{ path: place, url } = {}] = adopted.renditions;
  expect(url).toBe(`https://cdn.example/Album-old/${path.basename(first!)}/${place}`);
  expect(adopted.picture?.html).toContain(url);
  expect(adopted.before).toMatchObject({ campaign: good, manifest: { preset: { name: 'old' } } });

  // What was adopted is copied for other batches, and what can be put back is not cleaned up.
  const index = Number(adopted.metadata?.['index']);
  const later = await submit(index, GOOD, 'later');
  await until(async () => (await completed('later')) === 1);
  expect((await manifestOf(later)).copiedFrom).toMatchObject({ manifest: `${fileUri(first!)}/manifest.json` });
  const cleanup = { cleanup: true, steps: ['store' as const] };
  const { steps } = await runMaintenance(stack.client, stack.config.queuePrefix, cleanup);
  expect(steps).toMatchObject([{ removed: 0 }]);

  const rollback = settle(good, 'rollback');
  await until(async () => (await presetsOf(OLD)).includes('old'), 5);
  await replaceWorker('in the rollback');
  expect(await rollback).toBe(ITEMS);
  say('rolled back');
  expect((await look(good)).settled).toEqual({ how: 'rollback', items: ITEMS });
  // What a killed worker was writing is left to the maintenance of a day later.
  const isWhole = (name: string): boolean => !/\/\.manifest\.json\.\w+(\.part)?$/.test(name);
  const after = Object.entries(await everything()).filter(([name]) => !name.startsWith('later/') && isWhole(name));
  expect(Object.fromEntries(after)).toEqual(before);
  await checkedManifest(first!);
  // Three times until the server notices a loss, and what the worker was at is made again.
}, 180_000);

test('a canary that a person does not want leaves nothing behind; what a campaign replaced can be given up', async () => {
  const before = await everything();
  const countedBefore = {
    phases: await counted('campaigns_total', 'phase'),
    items: await counted('campaign_items_total', 'outcome'),
  };
  const id = await begin(GOOD, OTHER);
  await reaches(id, 'awaiting approval');
  await expect(settle(id, 'keep')).rejects.toMatchObject({ type: 'Conflict' });
  expect(await settle(id, 'rollback')).toBe(0);
  expect(await look(id)).toMatchObject({ phase: 'cancelled', settled: { how: 'rollback', items: 0 } });
  expect(await everything()).toEqual(before);

  // The same items again: what was decided before counts for nothing.
  await begin(GOOD, OTHER);
  await reaches(id, 'awaiting approval');
  expect((await look(id)).settled).toBeUndefined();
  await approveCampaign(stack.client, id);
  await reaches(id, 'completed');
  expect(await settle(id, 'keep')).toBe(ITEMS);
  const phases = { canary: 2, 'awaiting approval': 2, running: 1, cancelled: 1, completed: 1 };
  expect(await counted('campaigns_total', 'phase', countedBefore.phases)).toEqual(phases);
  const items = { made: CANARY + ITEMS, kept: ITEMS };
  expect(await counted('campaign_items_total', 'outcome', countedBefore.items)).toEqual(items);
  for (const folder of folders['other']!) expect((await checkedManifest(folder)).before).toBeUndefined();
  expect(await presetsOf(OTHER)).toEqual(['good@new']);
  expect(await settle(id, 'rollback')).toBe(0);

  // What has ended is known to the server: no worker is needed to see its figures.
  await endProcess(worker.pid);
  expect(await look(id)).toMatchObject({ phase: 'completed', made: ITEMS });
});
