import { copyFile, mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { parsePreset } from '../media/presets';
import { attempt, checkedManifest, environmentOf, filesOf, labItem, openLab, type Lab } from '../test/support/lab';
import { makeImage } from './image';
import { removeOutputs } from './remove-outputs';

let lab: Lab;
let folder: string;
let file: string;
let out: string;

beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());
beforeEach(async () => {
  folder = await mkdtemp(path.join(lab.root, 'case-'));
  file = path.join(folder, 'photo.png');
  out = path.join(folder, 'out');
  await picture('red');
});

/** The source, painted anew: in place, as a program that opens it by its name does. */
async function picture(colour: string): Promise<void> {
  const image = sharp({ create: { width: 300, height: 200, channels: 3, background: colour } });
  await writeFile(file, await image.png().toBuffer());
}

const item = (over: Partial<WorkItem> = {}): WorkItem => labItem(file, over);
const failing = (type: 'StorageUnavailable' | 'OutputForbidden') => (): Promise<never> =>
  Promise.reject(new DarkroomError(type, 'No.'));

test('names carry the hash of the content, and a fresh image asks the store for nothing but to write', async () => {
  const asked: string[] = [];
  const counted = lab.withStorage({
    publishFile: (...args) => (asked.push('publish'), lab.deps.storage.publishFile(...args)),
    readManifest: (...args) => (asked.push('read manifest'), lab.deps.storage.readManifest(...args)),
    replaceManifest: (...args) => (asked.push('write manifest'), lab.deps.storage.replaceManifest(...args)),
    list: (...args) => (asked.push('list'), lab.deps.storage.list(...args)),
    remove: (...args) => (asked.push('remove'), lab.deps.storage.remove(...args)),
    stat: (...args) => (asked.push('stat'), lab.deps.storage.stat(...args)),
  });
  await attempt(() => makeImage(counted, item()));
  expect(asked).toEqual(['publish', 'publish', 'read manifest', 'write manifest']);
  const { renditions, replaces } = await checkedManifest(out);
  for (const { path, name, sha256 } of renditions) {
    expect(path).toMatch(new RegExp(`^${name}-[0-9a-f]{12}-${sha256.slice(0, 10)}\\.(webp|jpg)$`));
  }
  expect(replaces).toBeUndefined();
});

test('the manifest names a signed source without its signature', async () => {
  const signed = 'https://media.example.com/photo.png?size=2&X-Amz-Expires=60&X-Amz-Signature=c0ffee';
  const asked: string[] = [];
  const deps = lab.withStorage({
    fetch: (uri, ...rest) => (asked.push(uri), lab.deps.storage.fetch(item().source, ...rest)),
  });
  await attempt(() => makeImage(deps, item({ source: signed })));
  expect(asked).toEqual([signed]);
  expect((await checkedManifest(out)).source.uri).toBe('https://media.example.com/photo.png?size=2');
});

test('another run replaces the manifest and removes the files of the one before', async () => {
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-01T00:00:00.000Z' })));
  const before = await checkedManifest(out);
  await picture('blue');
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-02T00:00:00.000Z' })), { runId: 'later' });
  const after = await checkedManifest(out);
  expect(after.replaces).toEqual(before.renditions.map(({ path }) => path));
  expect(after.source.sha256).not.toBe(before.source.sha256);
});

test('a run that was started earlier and ends later leaves the manifest, and nothing of its own', async () => {
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-02T00:00:00.000Z' })), { runId: 'later' });
  const later = await filesOf(out);
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-01T00:00:00.000Z' })));
  expect(await filesOf(out)).toEqual(later);
});

test('a removal that the worker did not live to see is made up for by the next attempt', async () => {
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-01T00:00:00.000Z' })));
  const again = item({ requestedAt: '2026-01-02T00:00:00.000Z' });
  const dying = lab.withStorage({ remove: failing('StorageUnavailable') });
  const first = attempt(() => makeImage(dying, again), { runId: 'later' });
  await expect(first).rejects.toMatchObject({ type: 'StorageUnavailable' });
  expect(Object.keys(await filesOf(out))).toHaveLength(5);
  await attempt(() => makeImage(lab.deps, again), { runId: 'later', attempt: 2 });
  await checkedManifest(out);
});

test('a store that refuses to remove files does not fail an item that is published', async () => {
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-01T00:00:00.000Z' })));
  const refusing = lab.withStorage({ remove: failing('OutputForbidden') });
  const again = item({ requestedAt: '2026-01-02T00:00:00.000Z' });
  await attempt(() => makeImage(refusing, again), { runId: 'later' });
  expect(Object.keys(await filesOf(out))).toHaveLength(5);
});

test('an attempt that fails while it publishes removes what it has published', async () => {
  let published = 0;
  const full = lab.withStorage({
    publishFile: (...args) =>
      ++published === 1 ? lab.deps.storage.publishFile(...args) : failing('StorageUnavailable')(),
  });
  await expect(attempt(() => makeImage(full, item()))).rejects.toMatchObject({ type: 'StorageUnavailable' });
  expect(published).toBe(2);
  expect(await filesOf(out)).toEqual({});
});

test('a cancelled attempt removes what it has published', async () => {
  const environment = environmentOf();
  const cancelling = lab.withStorage({
    publishFile: async (...args) => {
      const outcome = await lab.deps.storage.publishFile(...args);
      environment.cancel();
      return outcome;
    },
  });
  await expect(attempt(() => makeImage(cancelling, item()), { environment })).rejects.toThrow('CANCELLED');
  expect(await filesOf(out)).toEqual({});
});

test('what a killed attempt has left goes with the next one that publishes', async () => {
  const killed = lab.withStorage({ replaceManifest: failing('StorageUnavailable') });
  await expect(attempt(() => makeImage(killed, item()))).rejects.toMatchObject({ type: 'StorageUnavailable' });
  // The answer about a manifest may be what was lost, so its files stay until somebody knows.
  expect(Object.keys(await filesOf(out))).toHaveLength(2);
  await attempt(() => makeImage(lab.deps, item()), { attempt: 2 });
  await checkedManifest(out);
});

test('of two attempts of one run the first that publishes keeps its manifest, whichever woke up last', async () => {
  let wake = (): void => undefined;
  const asleep = new Promise<void>((resolve) => (wake = resolve));
  let reached = (): void => undefined;
  const sleeping = new Promise<void>((resolve) => (reached = resolve));
  const frozen = lab.withStorage({
    replaceManifest: async (...args) => {
      reached();
      await asleep;
      return lab.deps.storage.replaceManifest(...args);
    },
  });
  const first = attempt(() => makeImage(frozen, item()));
  await sleeping;
  await attempt(() => makeImage(lab.deps, item()), { attempt: 2 });
  const second = await checkedManifest(out);
  wake();
  await first;
  expect(await checkedManifest(out)).toEqual(second);
  expect(second.workflow.attempt).toBe(2);
});

test('a run that ends without a result takes nothing from another run in the same folder', async () => {
  const pending = lab.withStorage({ replaceManifest: failing('StorageUnavailable') });
  for (const runId of ['failed', 'running']) {
    await attempt(() => makeImage(pending, item()), { runId }).catch(() => undefined);
  }
  await lab.deps.storage.writeText(`${item().output}/.work/failed/plan.json`, '{}', 'application/json');
  await lab.deps.storage.writeText(`${item().output}/.work/running/plan.json`, '{}', 'application/json');
  await lab.deps.storage.writeText(`${item().output}/quarantine.json`, '{}', 'application/json');
  expect(Object.keys(await filesOf(out))).toHaveLength(7);
  await attempt(() => removeOutputs(lab.deps, item()), { runId: 'failed' });
  expect(Object.keys(await filesOf(out))).toHaveLength(4);
  // Had it been the other run's file, its manifest would name a file that is not there.
  await attempt(() => makeImage(lab.deps, item()), { runId: 'running', attempt: 2 });
  expect(Object.keys(await filesOf(out)).sort()).toEqual([
    expect.stringMatching(/^large-/),
    'manifest.json',
    'quarantine.json',
    expect.stringMatching(/^small-/),
  ]);
});

test('a manifest that names what is no output removes none of it', async () => {
  const { storage } = lab.deps;
  const { output } = item();
  const paths = ['quarantine.json', 'manifest.json', '.work/running/plan.json', '.hidden'];
  for (const name of paths) await storage.writeText(`${output}/${name}`, '{}', 'application/json');
  await storage.remove(`${output}/manifest.json`);
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-01T00:00:00.000Z' })));
  const planted = await storage.readManifest(output);
  const renditions = paths.map((path) => ({ name: 'x', role: 'image', path, mime: '', bytes: 1, sha256: '' }) as const);
  const replaces = [...paths, '.work/'];
  await storage.replaceManifest(output, { ...planted!.manifest, renditions, replaces }, planted!.version);
  await attempt(() => makeImage(lab.deps, item({ requestedAt: '2026-01-02T00:00:00.000Z' })), { runId: 'later' });
  expect(Object.keys(await filesOf(out))).toEqual(expect.arrayContaining(paths));
});

describe('a source that is written to while it is processed', () => {
  /** The pool, with something that happens before or after its work. */
  const during = (before: () => Promise<void>, after: () => Promise<void>) => ({
    ...lab.deps,
    images: Object.assign(Object.create(lab.deps.images) as typeof lab.deps.images, {
      run: async (...args: Parameters<typeof lab.deps.images.run>) => {
        await before();
        try {
          return await lab.deps.images.run(...args);
        } finally {
          await after();
        }
      },
    }),
  });
  const nothing = async (): Promise<void> => undefined;

  test.each([
    ['before its pixels are read', () => picture('blue'), nothing],
    ['after its pixels were read', nothing, () => picture('blue')],
    ['so that it cannot be decoded', () => writeFile(file, 'half of a'), nothing],
    ['and then turns out to be damaged', () => writeFile(file, 'half of a'), () => picture('blue')],
  ])('%s is tried again with what it is then', async (_, before, after) => {
    const first = attempt(() => makeImage(during(before, after), item()));
    await expect(first).rejects.toMatchObject({ type: 'SourceUnavailable', nonRetryable: false });
    expect(await filesOf(out)).toEqual({});
    await picture('green');
    await attempt(() => makeImage(lab.deps, item()), { attempt: 2 });
    const { source } = await checkedManifest(out);
    expect(source.sha256).toBe((await filesOf(folder))['photo.png']);
  });

  test('one that was damaged from the beginning is still said to be damaged', async () => {
    await writeFile(file, Buffer.concat([await sharp(file).toBuffer()]).subarray(0, 60));
    const failure = attempt(() => makeImage(lab.deps, item()));
    await expect(failure).rejects.toMatchObject({ type: 'CorruptMedia', nonRetryable: true });
  });
});

test('an animation becomes a silent video', async () => {
  const frames = ['#f00', '#0f0', '#00f'].map((background) =>
    sharp({ create: { width: 40, height: 30, channels: 3, background } })
      .png()
      .toBuffer(),
  );
  const moving = sharp(await Promise.all(frames), { join: { animated: true } }).gif({ delay: [100, 200, 300] });
  await writeFile(file, await moving.toBuffer());
  const preset = parsePreset(
    'moving',
    'image: { animation: keep, renditions: [{ name: film, format: mp4, width: 64 }, { name: moving, format: avif, width: 64 }, { name: still, format: png, width: 16 }] }',
  );
  await attempt(() => makeImage(lab.deps, item({ preset })));
  const { renditions, picture, receipts } = await checkedManifest(out);
  expect(renditions.map(({ name, role }) => [name, role])).toEqual([
    ['film', 'video'],
    ['moving', 'image'],
    ['still', 'image'],
  ]);
  expect(renditions[0]).toMatchObject({
    ...{ mime: 'video/mp4', width: 40, height: 30, frames: 3, durationSeconds: 0.6 },
    codecs: expect.stringMatching(/^avc1\.6400/),
  });
  expect(renditions[1]).toMatchObject({ mime: 'image/avif', width: 40, height: 30, frames: 3 });
  expect(renditions[1]).not.toHaveProperty('durationSeconds');
  expect(picture?.html).toContain(renditions[1]!.path);
  expect(picture?.video).toContain(renditions[0]!.path);

  expect(JSON.stringify(receipts)).toContain('libx264');

  // An AVIF that moves is a source as well.
  await copyFile(path.join(out, renditions[1]!.path), file);
  const again = parsePreset(
    'again',
    'image: { animation: keep, renditions: [{ name: back, format: webp, width: 64 }] }',
  );
  await attempt(() => makeImage(lab.deps, item({ preset: again, requestedAt: '2099-01-01T00:00:00.000Z' })), {
    runId: 'again',
  });
  const { source, renditions: back } = await checkedManifest(out);
  expect(source).toMatchObject({ format: 'avifs', width: 40, height: 30, pages: 3 });
  expect(back).toEqual([expect.objectContaining({ name: 'back', frames: 3 })]);
});
