/** Campaigns over finished items, on a real server, with a worker that is killed in between. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import type { CampaignInput } from '../../common/campaign';
import type { Manifest } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import { parsePreset } from '../../media/presets';
import { createStorage, fileUri, joinUri, type Storage } from '../../storage';
import { campaignId, controlCampaign, describeCampaign, settle, startCampaign } from '../../starter/core/campaign';
import { resolveJob } from '../../starter/core/job';
import { submitItem } from '../../starter/core/submit';
import type { Service } from '../../local/embedded/child-process';
import { checkedManifest, filesOf } from '../support/lab';
import { endProcess, startStack, until, type Stack } from '../support/stack';

const ITEMS = 30;
const image = (quality: number, width = 96) =>
  `image: { renditions: [{ name: a, format: jpeg, width: ${width}, quality: ${quality} }] }`;
const OLD = parsePreset('old', image(80));

let stack: Stack;
let storage: Storage;
let worker: Service;
const outputs = (): string => fileUri(path.join(stack.home, 'out'));
const folders: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  storage = createStorage(stack.config);
  worker = await stack.worker();
  await mkdir(path.join(stack.home, 'in'));
  const context = { client: stack.client, storage, queuePrefix: stack.config.queuePrefix };
  const all = Array.from({ length: ITEMS }, (_, index) => index);
  await forEachBounded(all, 8, async (index) => {
    const file = path.join(stack.home, 'in', `${index}.png`);
    const small = sharp(randomBytes(12 * 8 * 3), { raw: { width: 12, height: 8, channels: 3 } });
    await writeFile(file, await small.resize(120, 80, { kernel: 'cubic' }).png().toBuffer());
    const defaults = { batchId: 'album', output: joinUri(outputs(), 'album'), preset: 'old' };
    const job = { source: fileUri(file), metadata: { index: String(index) } };
    const item = await resolveJob(job, defaults, { presets: () => Promise.resolve(OLD), storage });
    folders.push(fileURLToPath(item.output));
    await submitItem(context, item);
  });
  const query = 'MediaBatchId = "album" AND ExecutionStatus = "Completed"';
  await until(async () => (await stack.client.workflow.count(query)).count === ITEMS, 200);
});
afterAll(async () => {
  storage.close();
  await stack.stop();
});

async function begin(name: string, yaml: string): Promise<string> {
  const preset = parsePreset(name, yaml);
  const where = { preset: 'old' };
  const id = campaignId({ preset, where });
  const rules = { canary: 5, atOnce: 3, bounds: { minSsim: 0.8, maxBytesRatio: 1.5, maxFailures: 0.1 } };
  const input: CampaignInput = { id, preset, where, ...rules, approvesItself: false };
  await startCampaign(stack.client, stack.config.queuePrefix, input);
  return id;
}

const reaches = (id: string, phase: string): Promise<void> =>
  until(async () => (await describeCampaign(stack.client, id)).phase === phase, 200);

const presetsThere = async (): Promise<string[]> => {
  const read = async (folder: string) =>
    (JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest).preset.name;
  return [...new Set(await Promise.all(folders.map(read)))];
};
/** Every file by its hash; manifests by what they say, since the order of their fields is nobody's concern. */
async function everything(): Promise<object> {
  const files: Record<string, unknown> = await filesOf(path.join(stack.home, 'out'));
  for (const name of Object.keys(files).filter((each) => each.endsWith('manifest.json'))) {
    files[name] = JSON.parse(await readFile(path.join(stack.home, 'out', name), 'utf8'));
  }
  return files;
}

test('a bad recipe stops at its canary, beside outputs that nothing has touched', async () => {
  const before = await everything();
  const id = await begin('bad', image(1));
  await reaches(id, 'stopped');
  const report = await describeCampaign(stack.client, id);
  expect(report.reason).toMatch(/resembles the old one by 0\.\d+ \(SSIM\)/);
  expect(report.made).toBeLessThanOrEqual(5);
  expect(await everything()).toMatchObject(before);
  expect(await presetsThere()).toEqual(['old']);
  expect(await settle(stack.client, stack.config.queuePrefix, id, 'rollback')).toBe(0);
  expect(await everything()).toEqual(before);
});

test('a good one waits for its approval, replaces all, is not stopped by a killed worker, and is taken back', async () => {
  const before = await everything();
  const id = await begin('good', image(78));
  await reaches(id, 'awaiting approval');
  expect(await presetsThere()).toEqual(['old']);
  await controlCampaign(stack.client, id, 'approve');
  await until(async () => (await describeCampaign(stack.client, id)).made > 8, 50);
  await endProcess(worker.pid);
  worker = await stack.worker();
  await reaches(id, 'completed');
  expect(await describeCampaign(stack.client, id)).toMatchObject({ made: ITEMS, failed: 0 });
  expect(await presetsThere()).toEqual(['good']);
  const adopted = JSON.parse(await readFile(path.join(folders[0]!, 'manifest.json'), 'utf8')) as Manifest;
  expect(adopted).toMatchObject({ batchId: 'album', before: { campaign: id, manifest: { preset: { name: 'old' } } } });

  expect(await settle(stack.client, stack.config.queuePrefix, id, 'rollback')).toBe(ITEMS);
  expect(await presetsThere()).toEqual(['old']);
  expect(await everything()).toEqual(before);
  await checkedManifest(folders[0]!);
});
