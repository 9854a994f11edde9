import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { ItemResult, Manifest, WorkItem } from '../common/contracts';
import { inlinePreset, parsePreset } from '../media/presets';
import { isPublished } from '../starter/core/published';
import { fileUri, Places } from '../storage';
import { ffmpeg, picture, sound, X264 } from '../test/support/clips';
import { attempt, checkedManifest, labItem, openLab, type Lab } from '../test/support/lab';
import { makeImage } from './image';
import { isEntryValid } from './made-index';
import { cleanIndex } from './maintenance/index-entries';
import { Findings } from './maintenance/step';
import { makeVideo } from './make-video';

let lab: Lab;
let folder: string;
let file: string;

beforeAll(async () => {
  lab = await openLab({ DARKROOM_REUSE: 'true' });
  lab.deps.config = { ...lab.deps.config, outputDefault: fileUri(path.join(lab.root, 'outputs')) };
});
afterAll(() => lab.close());
beforeEach(async () => {
  folder = await mkdtemp(path.join(lab.root, 'case-'));
  file = path.join(folder, 'photo.png');
  const noise = { type: 'gaussian', mean: 128, sigma: 90 } as const;
  // One half is dark: by chance, noise alone may be as even as a plain picture, which has no perceptual hash.
  const dark = { create: { width: 100, height: 100, channels: 3, background: 'black' } } as const;
  const picture = sharp({ create: { width: 200, height: 100, channels: 3, background: 'red', noise } });
  await picture.composite([{ input: dark, left: 0, top: 0 }]).toFile(file);
});

const out = (name: string): string => path.join(folder, name);
const item = (name: string, over: Partial<WorkItem> = {}): WorkItem =>
  labItem(file, { batchId: name, output: fileUri(out(name)), ...over });

type Rest = Parameters<Lab['deps']['storage']['fetch']> extends [string, ...infer Others] ? Others : never;
let runs = 0;
const make = (of: WorkItem): Promise<ItemResult> => attempt(() => makeImage(lab.deps, of), { runId: `run-${++runs}` });
const copied = (manifest: Manifest): string | undefined => manifest.copiedFrom?.batchId;

test('the same bytes in another batch are copied, and the manifest says from where', async () => {
  await make(item('first'));
  const again = path.join(folder, 'other-name.png');
  await writeFile(again, await readFile(file));
  const result = await make(item('second', { source: fileUri(again), metadata: { of: 'second' } }));
  const [first, second] = [await checkedManifest(out('first')), await checkedManifest(out('second'))];
  expect([copied(first), first.copiedFrom?.manifest]).toEqual([undefined, undefined]);
  expect(second.copiedFrom).toEqual({
    manifest: `${fileUri(out('first'))}/manifest.json`,
    batchId: 'first',
    itemKey: 'item',
  });
  expect(second).toMatchObject({ batchId: 'second', metadata: { of: 'second' }, source: { uri: fileUri(again) } });
  expect(second.renditions.map(({ sha256 }) => sha256)).toEqual(first.renditions.map(({ sha256 }) => sha256));
  expect([result.cpuSeconds, second.receipts]).toEqual([0, {}]);
  expect(second).toMatchObject({ placeholder: first.placeholder, perceptualHash: first.perceptualHash });
  expect(first.perceptualHash).toMatch(/^[0-9a-f]{16}$/);
  // Addresses are those of the copies.
  expect(second.picture?.html).toContain(`src="${second.renditions[1]!.path}"`);
  // One file with two names; either may go.
  const [one, two] = [first, second].map(({ renditions }) => renditions[0]!.path);
  const inodes = [await stat(path.join(out('first'), one!)), await stat(path.join(out('second'), two!))];
  expect(inodes[0]!.ino).toBe(inodes[1]!.ino);
  await rm(out('first'), { recursive: true });
  await checkedManifest(out('second'));
});

test('the manifest of a copy names the source as every manifest does: without a signature', async () => {
  await make(item('first'));
  const signed = item('second', { source: 'https://example.com/photo.png?X-Amz-Signature=secret' });
  const storage = { fetch: (_: string, ...rest: Rest) => lab.deps.storage.fetch(fileUri(file), ...rest) };
  await attempt(() => makeImage(lab.withStorage(storage), signed), { runId: 'signed' });
  const second = await checkedManifest(out('second'));
  expect([copied(second), JSON.stringify(second)]).toEqual(['first', expect.not.stringContaining('secret')]);
});

test('another tenant, another recipe and --force make it', async () => {
  await make(item('first'));
  const others = { tenant: { tenant: 'globex' }, recipe: { recipe: '1111111111' }, force: { force: true } };
  for (const [name, over] of Object.entries(others)) {
    await make(item(name, over));
    expect([name, copied(await checkedManifest(out(name)))]).toEqual([name, undefined]);
  }
  await make(item('own'));
  expect(copied(await checkedManifest(out('own')))).toBe('force');
});

test('what is incomplete or gone is made again, and leaves nothing', async () => {
  await make(item('first'));
  const [rendition] = (await checkedManifest(out('first'))).renditions;
  await writeFile(path.join(out('first'), rendition!.path), 'cut short');
  await make(item('second'));
  expect(copied(await checkedManifest(out('second')))).toBeUndefined();
  await rm(out('second'), { recursive: true });
  await make(item('third'));
  expect(copied(await checkedManifest(out('third')))).toBeUndefined();
});

test('a copy that fails half way is made instead, and leaves nothing of the copy', async () => {
  await make(item('first'));
  let copies = 0;
  const failing = lab.withStorage({
    copy: (...args) =>
      ++copies === 2 ? lab.deps.storage.copy(`${args[0]}-gone`, args[1]) : lab.deps.storage.copy(...args),
  });
  await attempt(() => makeImage(failing, item('second')), { runId: 'half' });
  expect([copies, copied(await checkedManifest(out('second')))]).toEqual([2, undefined]);
});

test('an entry is valid as long as it leads to the manifest of its source', async () => {
  await make(item('first'));
  const { source } = await checkedManifest(out('first'));
  const { tenant, kind, recipe } = item('first');
  const entry = new Places(lab.deps.config).indexOf(tenant, kind, recipe, source.sha256);
  expect(await isEntryValid(lab.deps.storage, entry)).toBe(true);
  await make(item('kept', { recipe: '2222222222' }));
  await rm(out('first'), { recursive: true });
  expect(await isEntryValid(lab.deps.storage, entry)).toBe(false);
  const findings = new Findings(true, undefined, () => undefined);
  const { deps } = lab;
  const now = Date.now() + 2 * deps.config.maintenanceGrace;
  const pulse = { throwIfOver: () => undefined, signal: new AbortController().signal };
  const step = { deps, log: deps.logger, findings, cleanup: true, now, pulse };
  await cleanIndex(step as Parameters<typeof cleanIndex>[0]);
  const kept = new Places(deps.config).indexOf(tenant, kind, '2222222222', source.sha256);
  expect([existsSync(fileURLToPath(entry)), existsSync(fileURLToPath(kept))]).toEqual([false, true]);
  await make(item('anew'));
  await writeFile(fileURLToPath(entry), 'nonsense');
  expect(await isEntryValid(lab.deps.storage, entry)).toBe(false);
});

test('a video is copied with its stream, and its storyboard leads to its own sheets', async () => {
  const preset = parsePreset(
    'small',
    `
video:
  hls: true
  dash: true
  rungs: [{ name: 72p, height: 72, crf: 32, maxrate: 200, speed: superfast, audioBitrate: 64 }]
  sprite: { width: 64, columns: 2, rows: 2, quality: 50 }
`,
  );
  file = ffmpeg(`${picture('128x72', 3)} ${sound(3)} ${X264} -c:a aac -shortest`, path.join(folder, 'clip.mp4'));
  const clip = (name: string): WorkItem => item(name, { kind: 'video', preset });
  await attempt(() => makeVideo(lab.deps, clip('first')), { runId: 'v1' });
  await attempt(() => makeVideo(lab.deps, clip('second')), { runId: 'v2' });
  const second = await checkedManifest(out('second'));
  expect(copied(second)).toBe('first');
  const streams = second.renditions.filter(({ role }) => role === 'stream');
  expect(streams.map(({ name }) => name)).toEqual(['hls', 'dash']);
  expect(new Set(streams.map((stream) => path.dirname(stream.path))).size).toBe(1);
  const storyboard = second.renditions.find(({ role }) => role === 'storyboard')!.path;
  const sheet = second.renditions.find(({ role }) => role === 'sprite')!.path;
  expect(await readFile(path.join(out('second'), storyboard), 'utf8')).toContain(sheet);
});

test('the bytes of a watermark are part of what says whether work is copied, wherever the file lies', async () => {
  const colours = { red: '#ff0000', blue: '#0000ff' };
  const logo = path.join(folder, 'logo.png');
  const paint = (to: string, background: string) =>
    sharp({ create: { width: 20, height: 10, channels: 3, background } }).toFile(to);
  await paint(logo, colours.red);
  const watermark = { source: fileUri(logo) };
  const preset = inlinePreset({ image: { renditions: [{ name: 'a', format: 'png', width: 64, watermark }] } });
  const marked = (name: string) => item(name, { preset });
  await make(marked('first'));
  await make(marked('same'));
  expect(copied(await checkedManifest(out('same')))).toBe('first');
  expect(await isPublished(lab.deps.storage, marked('first'))).toBe(true);

  await paint(logo, colours.blue);
  expect(await isPublished(lab.deps.storage, marked('first'))).toBe(false);
  await make(marked('replaced'));
  const [before, after] = [await checkedManifest(out('first')), await checkedManifest(out('replaced'))];
  expect(copied(after)).toBeUndefined();
  expect(before.watermarks).toMatchObject([
    { uri: fileUri(logo), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
  ]);
  expect(after.watermarks![0]!.sha256).not.toBe(before.watermarks![0]!.sha256);
  expect(after.renditions[0]!.sha256).not.toBe(before.renditions[0]!.sha256);

  await rm(logo);
  const missing = {
    type: 'SourceNotFound',
    message: expect.stringMatching(/^The watermark cannot be used: /) as string,
  };
  await expect(make(marked('gone'))).rejects.toMatchObject(missing);
});

test('the bytes of a watermark on a video are part of it as well; a source that would pass through is marked', async () => {
  const logo = path.join(folder, 'logo.png');
  const paint = (background: string) =>
    sharp({ create: { width: 20, height: 10, channels: 3, background } }).toFile(logo);
  await paint('#ff0000');
  file = ffmpeg(`${picture('128x72', 1)} ${X264}`, path.join(folder, 'clip.mp4'));
  const rung = { name: '72p', height: 72, crf: 32, maxrate: 9000, speed: 'superfast', audioBitrate: 64 };
  const preset = inlinePreset({ video: { rungs: [rung], watermark: { source: fileUri(logo) } } });
  const marked = (name: string): WorkItem => item(name, { kind: 'video', preset });
  const makeClip = (name: string) =>
    attempt(() => makeVideo(lab.deps, marked(name)), { runId: `marked-${name}` }).then(() =>
      checkedManifest(out(name)),
    );
  const first = await makeClip('first');
  expect(first.watermarks).toMatchObject([{ uri: fileUri(logo) }]);
  expect(copied(await makeClip('same'))).toBe('first');
  expect(await isPublished(lab.deps.storage, marked('first'))).toBe(true);
  await paint('#0000ff');
  expect(await isPublished(lab.deps.storage, marked('first'))).toBe(false);
  const replaced = await makeClip('replaced');
  expect([copied(replaced), replaced.renditions[0]!.sha256 === first.renditions[0]!.sha256]).toEqual([
    undefined,
    false,
  ]);
});

test("a watermark of a job's own preset is fenced off from other tenants", async () => {
  const logo = path.join(lab.root, 'outputs/globex/batch/logo.png');
  await mkdir(path.dirname(logo), { recursive: true });
  await sharp({ create: { width: 20, height: 10, channels: 3, background: 'red' } }).toFile(logo);
  const watermark = { source: fileUri(logo) };
  const own = inlinePreset({ image: { renditions: [{ name: 'a', format: 'png', width: 64, watermark }] } });
  const confined = { tenant: 'acme', confined: true };
  await expect(make(item('own', { preset: own, ...confined }))).rejects.toMatchObject({ type: 'SourceForbidden' });
  const rungs = [{ name: '72p', height: 72, crf: 32, maxrate: 200, speed: 'superfast', audioBitrate: 64 }];
  const film = { kind: 'video', preset: inlinePreset({ video: { rungs, watermark } }), ...confined } as const;
  const marked = attempt(() => makeVideo(lab.deps, item('film', film)), { runId: 'film' });
  await expect(marked).rejects.toMatchObject({ type: 'SourceForbidden' });
  const { adjusted: _, ...operators } = own;
  await make(item('operator', { preset: operators, ...confined }));
});
