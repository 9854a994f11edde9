import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import type { TextFound, TextLine } from '../../common/analysis';
import type { Model } from '../model';
import { modelFile, type Runtime } from '../runtime';
import { altText } from './alt-text';
import { findLines } from './find-lines';
import type { Quad } from './geometry';
import { cutOut, decodeLine, LINE_HEIGHT, lying, turnedRound, widthOf, type Pixels } from './read-line';

/** px of the longer side in which lines are looked for; smaller text than about 8 px there is not found. */
const SEARCH_SIDE = 1280;
/** The detector halves its input five times. */
const SEARCH_GRID = 32;
/** Mean and deviation of blue, green and red in what the detector learned from. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** px: width of what the network for direction sees. */
const DIRECTION_WIDTH = 192;
/** How sure it has to be that a line stands upside down. */
const UPSIDE_DOWN = 0.9;
/** px: the recognition network learned from lines of this width, and of a multiple of the height at most. */
const LEAST_WIDTH = 320;
const MOST_WIDTH = 2400;
const BATCH = 6;
/** Lines of which the network is less sure are mostly no text. */
const LEAST_CONFIDENCE = 0.5;
/** Lines in one manifest. */
const MOST_LINES = 300;

interface Line {
  quad: Quad;
  width: number;
  text: string;
  confidence: number;
}

/** PP-OCRv4: finds lines, turns those that stand upside down, reads them. */
export async function load(runtime: Runtime): Promise<Model<'text'>> {
  const [detect, direct, recognise] = await Promise.all([
    runtime.open(modelFile('text', 'detection')),
    runtime.open(modelFile('text', 'direction')),
    runtime.open(modelFile('text', 'recognition')),
  ]);
  const listed = readFileSync(modelFile('text', 'characters'), 'utf8').replace(/\n$/, '').split('\n');
  const characters = ['', ...listed, ' '];

  const search = async (picture: Pixels): Promise<Quad[]> => {
    const scale = Math.min(1, SEARCH_SIDE / Math.max(picture.width, picture.height));
    const grid = (side: number): number => Math.max(1, Math.round((side * scale) / SEARCH_GRID)) * SEARCH_GRID;
    const [width, height] = [grid(picture.width), grid(picture.height)];
    const small = await resized(picture, width, height);
    const { data } = await detect(planes(small, width * height), [1, 3, height, width]);
    const [sx, sy] = [picture.width / width, picture.height / height];
    return findLines({ data, width, height }).map(
      (quad) => quad.map(([x, y]) => [(x + 0.5) * sx, (y + 0.5) * sy]) as Quad,
    );
  };

  const turn = async (picture: Pixels, lines: Line[]): Promise<void> => {
    for (const batch of batches(lines)) {
      const input = new Float32Array(batch.length * 3 * LINE_HEIGHT * DIRECTION_WIDTH);
      for (const [index, { quad, width }] of batch.entries()) {
        cutOut(picture, quad, Math.min(width, DIRECTION_WIDTH), input, index, DIRECTION_WIDTH);
      }
      const { data } = await direct(input, [batch.length, 3, LINE_HEIGHT, DIRECTION_WIDTH]);
      for (const [index, line] of batch.entries()) {
        if ((data[2 * index + 1] ?? 0) > UPSIDE_DOWN) line.quad = turnedRound(line.quad);
      }
    }
  };

  const read = async (picture: Pixels, lines: Line[]): Promise<void> => {
    // Lines of similar width together: a batch is as wide as its widest line.
    for (const batch of batches([...lines].sort((a, b) => a.width - b.width))) {
      const width = Math.max(LEAST_WIDTH, ...batch.map((line) => line.width));
      const input = new Float32Array(batch.length * 3 * LINE_HEIGHT * width);
      for (const [index, line] of batch.entries()) cutOut(picture, line.quad, line.width, input, index, width);
      const { data } = await recognise(input, [batch.length, 3, LINE_HEIGHT, width]);
      const each = data.length / batch.length;
      for (const [index, line] of batch.entries()) {
        Object.assign(line, decodeLine(data.subarray(index * each, (index + 1) * each), characters));
      }
    }
  };

  return async (picture, size) => {
    const lines = (await search(picture)).map((found): Line => {
      const quad = lying(found);
      return { quad, width: widthOf(quad, MOST_WIDTH), text: '', confidence: 0 };
    });
    await turn(picture, lines);
    await read(picture, lines);
    return { text: found(lines, size.width / picture.width, size) };
  };
}

/** What the manifest says: corners in px of the source. */
function found(lines: Line[], scale: number, size: { width: number; height: number }): TextFound {
  const within = (value: number, most: number): number => Math.max(0, Math.min(most, Math.round(value * scale)));
  const read = lines
    .filter(({ text, confidence }) => text.trim() !== '' && confidence >= LEAST_CONFIDENCE)
    .map(({ text, confidence, quad }): TextLine => ({
      text: text.trim(),
      confidence: Math.round(confidence * 1000) / 1000,
      box: quad.map(([x, y]) => [within(x, size.width), within(y, size.height)]) as TextLine['box'],
    }));
  const kept = read.slice(0, MOST_LINES);
  const omitted = read.length - kept.length;
  return { alt: altText(kept.map(({ text }) => text)), lines: kept, ...(omitted > 0 && { omitted }) };
}

function batches<T>(all: T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, index) =>
    all.slice(index * BATCH, (index + 1) * BATCH),
  );
}

async function resized({ data, ...raw }: Pixels, width: number, height: number): Promise<Uint8Array> {
  const picture = sharp(data, { raw: { ...raw, channels: 3 }, limitInputPixels: false });
  return picture.resize({ width, height, fit: 'fill', kernel: 'linear' }).raw().toBuffer();
}

/** Planes of blue, green and red, as the detector learned them. */
function planes(rgb: Uint8Array, pixels: number): Float32Array {
  const all = new Float32Array(3 * pixels);
  for (let channel = 0; channel < 3; channel++) {
    const [mean = 0, deviation = 1] = [MEAN[channel], DEVIATION[channel]];
    for (let at = 0; at < pixels; at++) {
      all[channel * pixels + at] = ((rgb[3 * at + 2 - channel] ?? 0) / 255 - mean) / deviation;
    }
  }
  return all;
}
