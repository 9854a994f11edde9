import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { FacesFound } from '../../common/analysis';
import { portrait } from '../../test/support/face';
import { describeWhere } from '../../test/support/only-where';
import { ModelHost } from '../host';
import { hasModels } from '../runtime';
import { findFaces } from './find-faces';

test('guesses become boxes in fractions of the picture, one for each face, the surest first', () => {
  const grid = { scores: new Float32Array(8).fill(-10), boxes: new Float32Array(8 * 16), cells: 2, guesses: 2 };
  // Cell 3 is the one on the right, below; 64 of 256 px are a quarter.
  grid.scores.set([2, 3], 6);
  grid.boxes.set([0, 0, 64, 64], 6 * 16);
  grid.boxes.set([-12.8, 0, 64, 64], 7 * 16);
  const other = { scores: Float32Array.of(1.5, 0.5), boxes: new Float32Array(32), cells: 1, guesses: 2 };
  other.boxes.set([-64, -64, 51.2, 25.6], 0);
  other.boxes.set([64, -64, 51.2, 25.6], 16);
  const faces = findFaces([grid, other], 256);
  // The guess on the same face, and that of an even chance, are left out.
  expect(faces.map(({ confidence }) => Math.round(100 * confidence))).toEqual([95, 82]);
  expect(faces[0]).toMatchObject({ y: 0.625, width: 0.25, height: 0.25 });
  expect(faces[0]?.x).toBeCloseTo(0.575);
  expect(faces[1]?.x).toBeCloseTo(0.15);
  expect(faces[1]?.y).toBeCloseTo(0.2);
});

describeWhere(hasModels(), 'the models are not installed; "npm run models" installs them')('faces in pictures', () => {
  let folder: string;
  let host: ModelHost;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-faces-'));
    host = new ModelHost({
      ...{ budgetBytes: 2 ** 31, pinned: [], slots: 1, timeoutMs: 60_000 },
      runtime: { providers: ['cpu'], threads: 2 },
    });
  });
  afterAll(async () => {
    await host.close();
    await rm(folder, { recursive: true });
  });

  async function look(bytes: Buffer): Promise<FacesFound> {
    const input = path.join(folder, 'in.png');
    await writeFile(input, bytes);
    const { faces } = await host.run('faces', { input, limits: { maxPixels: 1e7, maxFrames: 10 }, allowSvg: false });
    if (faces === undefined) throw new Error('no faces in the answer');
    return faces;
  }

  test('a face has its box in px of the source', async () => {
    const { boxes, omitted } = await look(await portrait());
    expect([boxes.length, omitted]).toEqual([1, undefined]);
    const [{ confidence, x, y, width, height }] = boxes as [FacesFound['boxes'][0]];
    expect(confidence).toBeGreaterThan(0.7);
    expect(Math.abs(x + width / 2 - 750)).toBeLessThan(20);
    expect(Math.abs(y + height / 2 - 260)).toBeLessThan(25);
    expect(width).toBeGreaterThan(40);
    expect(width).toBeLessThan(120);
  });

  test('of a picture that EXIF turns, the box is that of the upright one', async () => {
    const stored = await sharp(await portrait())
      .rotate(-90)
      .png()
      .toBuffer();
    const { boxes } = await look(await sharp(stored).withMetadata({ orientation: 6 }).png().toBuffer());
    expect(boxes).toHaveLength(1);
    expect(Math.abs((boxes[0]?.x ?? 0) + (boxes[0]?.width ?? 0) / 2 - 750)).toBeLessThan(20);
  });

  test('a wall has no face', async () => {
    const wall = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#8fa3b5' } })
      .png()
      .toBuffer();
    expect(await look(wall)).toEqual({ boxes: [] });
  });
});
