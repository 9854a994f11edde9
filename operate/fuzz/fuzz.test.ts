import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { settings } from '../../test/support/clips';
import { mutant } from './mutate';
import { fuzz } from './run';
import { makeSeeds } from './seeds';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-fuzz-test-'));
  await makeSeeds(path.join(folder, 'seeds'), settings.ffmpegPath);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a mutant is the same on every machine, and another one by another number or seed', () => {
  const corpus = [Buffer.alloc(1000, 'a'), Buffer.alloc(500, 'b')];
  const print = (seed: number, number: number) => {
    const { bytes, mutations } = mutant(corpus, seed, number);
    return createHash('sha256').update(bytes).update(mutations.join()).digest('hex');
  };
  expect(print(1, 2)).toBe(print(1, 2));
  expect(new Set([print(1, 2), print(1, 3), print(2, 2), print(2, 3)]).size).toBe(4);
});

test('the corpus has every kind of file, and each is read as it is', async () => {
  expect((await readdir(path.join(folder, 'seeds'))).length).toBeGreaterThanOrEqual(18);
});

test('sixty mutants come to an outcome each, and nothing is left of them', async () => {
  const work = path.join(folder, 'work');
  const tools = { ffmpegPath: settings.ffmpegPath, ffprobePath: settings.ffprobePath };
  const options = { corpus: path.join(folder, 'seeds'), folder: work, count: 60, seed: 7, from: 0, limitMs: 60_000 };
  const report = await fuzz({ ...options, via: 'media', tools });
  expect(report).toMatchObject({ files: 60, problems: [] });
  // Neither are all of them refused before anything is decoded, nor does the table of errors lack what they end in.
  expect(report.outcomes['completed']).toBeGreaterThan(2);
  expect(report.outcomes['CorruptMedia']).toBeGreaterThan(5);
  expect(await readdir(work)).toEqual(['presets']);
});
