/**
 * `npm run bench:recipes`: the figures behind decisions 0005 (decode once) and 0006 (efforts), on sharp alone: CPU ms and
 * kB a picture, medians, one thread, each variant in turn on each picture so that a busy moment hits all alike.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { loadConfig } from '../common/config';
import { encode as encodeImage } from '../media/image/encode';
import { formatRow, IMAGE_FORMAT_NAMES } from '../media/formats';
import type { ImageRenditionSpec } from '../media/presets/schema';
import { loadPreset } from '../media/presets';
import { ensureFfmpeg } from '../local/embedded/ffmpeg';
import { toStderr } from '../local/embedded/report';
import { makeSets, readList, type SourceSet } from './sources';

/** Median CPU ms and bytes by variant. */
type Table = Record<string, { ms: number; bytes: number }>;

/** A variant makes something of one picture and says how many bytes came out. */
type Variants = Record<string, (source: Buffer) => Promise<number>>;

/** Above, an effort takes many seconds a picture. */
const MOST_EFFORT = 4;

/** Every effort of each lossy format at one width and at its own quality, from pixels that are there already. */
function encoders(width: number): Variants {
  const specs = IMAGE_FORMAT_NAMES.flatMap((format): [name: string, spec: ImageRenditionSpec][] => {
    const { name, quality, effort } = formatRow(format);
    const spec = { name: 'x', format, width, quality };
    if (quality === undefined) return [];
    if (effort === undefined)
      return [false, true].map((trellis) => [trellis ? `${name}: trellis` : name, { ...spec, trellis }]);
    const [least, most] = effort;
    const efforts = Array.from({ length: Math.min(most, MOST_EFFORT) - least + 1 }, (_, step) => least + step);
    return efforts.map((each) => [`${name}: effort ${each}`, { ...spec, effort: each }]);
  });
  return Object.fromEntries(specs.map(([name, spec]) => [name, (source) => encode(sharp(source), spec)]));
}

async function encode(picture: sharp.Sharp, spec: ImageRenditionSpec): Promise<number> {
  return (await encodeImage(picture, spec)).data.length;
}

/** The preset's renditions from one decode, and by a pipeline of their own each. */
function decoders(specs: ImageRenditionSpec[]): Variants {
  const largest = Math.max(...specs.map((spec) => spec.width ?? 0));
  const fit = (picture: sharp.Sharp, width?: number): sharp.Sharp =>
    picture.resize({ width, withoutEnlargement: true });
  const sum = async (make: (spec: ImageRenditionSpec) => Promise<number>): Promise<number> => {
    let bytes = 0;
    for (const spec of specs) bytes += await make(spec);
    return bytes;
  };
  return {
    'a pipeline per output': (source) => sum((spec) => encode(fit(sharp(source).autoOrient(), spec.width), spec)),
    'one decode': async (source) => {
      const decoded = fit(sharp(source).autoOrient(), largest).raw();
      const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
      return sum((spec) => encode(fit(sharp(data, { raw: info }), spec.width), spec));
    },
  };
}

async function measure(sources: Buffer[], variants: Variants): Promise<Table> {
  const all = Object.fromEntries(
    Object.keys(variants).map((name) => [name, { ms: [] as number[], bytes: [] as number[] }]),
  );
  for (const source of sources) {
    for (const [name, make] of Object.entries(variants)) {
      const before = process.cpuUsage();
      const bytes = await make(source);
      const { user, system } = process.cpuUsage(before);
      all[name]?.ms.push((user + system) / 1000);
      all[name]?.bytes.push(bytes);
    }
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, { ms, bytes }]) => [name, { ms: median(ms), bytes: median(bytes) }]),
  );
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function read({ list }: SourceSet): Promise<Buffer[]> {
  const jobs = await readList(list);
  return Promise.all(jobs.map(({ source }) => readFile(new URL(source))));
}

/** Pictures of one width as plain TIFF: decoding them costs next to nothing beside an encode. */
function resized(sources: Buffer[], width: number): Promise<Buffer[]> {
  return Promise.all(sources.map((source) => sharp(source).resize({ width }).tiff({ compression: 'none' }).toBuffer()));
}

function print(title: string, table: Table): void {
  const rows = Object.entries(table).map(([name, { ms, bytes }]) => {
    const mark = isOnFrontier(table, name) ? 'yes' : '';
    return `| ${name} | ${ms.toFixed(0)} | ${(bytes / 1000).toFixed(0)} | ${mark} |`;
  });
  const head = [`| ${title} | CPU ms | kB | frontier |`, '| --- | --- | --- | --- |'];
  process.stdout.write([...head, ...rows].join('\n') + '\n\n');
}

/** Is there no other variant of the same format that takes less time for no more bytes, or fewer bytes for no more time? */
function isOnFrontier(table: Table, name: string): boolean {
  const [format] = name.split(':');
  const { ms, bytes } = table[name]!;
  return !Object.entries(table).some(
    ([other, figures]) =>
      other.split(':')[0] === format &&
      figures.ms <= ms &&
      figures.bytes <= bytes &&
      (figures.ms < ms || figures.bytes < bytes),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { pictures: { type: 'string', default: '20' } } });
  const count = Number(values.pictures);
  const config = loadConfig();
  const { ffmpeg } = await ensureFfmpeg(config, toStderr);
  const sets = await makeSets(path.join(config.home, 'bench'), ffmpeg, {
    photos: count,
    large: count,
    clips: 1,
    mix: 1,
    twelve: 1,
  });
  const preset = await loadPreset(config.presetsDir, 'web');
  sharp.cache(false);
  sharp.concurrency(1);
  const [photos, large] = await Promise.all(sets.slice(0, 2).map(read));
  if (!photos || !large || !preset.image) throw new Error('the preset web says nothing about images');
  const variants = decoders(preset.image.renditions);
  print('preset web, 1920x1280', await measure(photos, variants));
  print('preset web, 12 MP', await measure(large, variants));
  for (const width of [640, 1280, 1920])
    print(`${width} px`, await measure(await resized(photos, width), encoders(width)));
}

main().catch((error: unknown) => {
  toStderr(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
