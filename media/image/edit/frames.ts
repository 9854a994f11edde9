import { open } from 'node:fs/promises';
import sharp from 'sharp';
import type { DrawnFormat } from '../../formats';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import { encode, type Encoded } from '../encode';
import { fileFailure } from '../failures';
import type { Kept } from '../metadata/kept';
import type { OpenSource } from '../source';
import { fromPixels, resize, type Still } from '../still';
import { ROOM } from '../film/movie';
import { withProfile } from '../wide';
import type { Frames } from '../types';
import { decodeSize, targetSize, type Size } from './layout';
import { encodeReaching, searches } from './reach';
import { draw, planOf } from './render';
import { resizesOf } from './resizes';

/** Fields that sharp applies to all frames at once, or that say nothing of pixels. */
const AT_ONCE = ['name', 'format', 'width', 'height', 'quality', 'effort', 'lossless', 'trellis', 'dpr'];

/** All frames of a moving source; their delays and the loop count come along. */
export function encodeFrames(
  source: OpenSource,
  preset: ImagePreset,
  spec: ImageRenditionSpec,
  kept: Kept,
): Promise<Encoded> {
  const isPlain = preset.crop === undefined && Object.keys(spec).every((field) => AT_ONCE.includes(field));
  if (!isPlain) return encodeEdited(source, preset, spec, kept);
  const frames = sharp(source.input, { ...source.options, animated: true });
  return encode(resize(frames, source.facts, targetSize(source.facts, spec)), spec, kept);
}

/** Frames as drawn: RGBA, 8 bits each, one behind the other. */
interface Drawn {
  frames: Buffer[];
  /** px of each. */
  canvas: Size;
}

/** Each frame is drawn like a still, by the plan of the first one: what `attention` keeps does not jump about. */
async function drawFrames(source: OpenSource, preset: ImagePreset, spec: ImageRenditionSpec): Promise<Drawn> {
  const { facts, metadata } = source;
  const part = preset.crop && { width: facts.width * preset.crop.width, height: facts.height * preset.crop.height };
  const size = decodeSize(facts, spec, part);
  const { data, info } = await resize(sharp(source.input, { ...source.options, animated: true }), facts, size)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { pages = 1 } = metadata;
  const [width, height] = [info.width, info.pageHeight ?? info.height / pages];
  const bytes = width * height * 4;
  const stillAt = (page: number): Still => ({
    pipeline: () => fromPixels(data.subarray(page * bytes, (page + 1) * bytes), { width, height, channels: 4 }),
    size: { width, height },
    hasAlpha: true,
  });
  const plan = await planOf(source, stillAt(0), preset, spec);
  const frames: Buffer[] = [];
  for (let page = 0; page < pages; page++) {
    const still = stillAt(page);
    const picture = await draw(still, plan, spec, resizesOf(still, []), source.watermarks);
    // As raw pixels, sharp gives of a grey picture one channel, whatever is asked of it.
    const coloured = spec.greyscale ? (await withProfile(picture))(false) : picture;
    frames.push(await coloured.toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer());
  }
  return { frames, canvas: plan.layout.canvas };
}

async function encodeEdited(
  source: OpenSource,
  preset: ImagePreset,
  spec: ImageRenditionSpec,
  kept: Kept,
): Promise<Encoded> {
  const { frames, canvas } = await drawFrames(source, preset, spec);
  const raw = {
    width: canvas.width,
    height: canvas.height * frames.length,
    channels: 4,
    pageHeight: canvas.height,
  } as const;
  const { delay, loop } = source.metadata;
  const all = Buffer.concat(frames);
  // The format that follows takes over how long each frame shows.
  const pixels = () => fromPixels(all, raw).webp({ delay, loop });
  return searches(spec) ? encodeReaching(pixels, spec, kept) : encode(pixels(), spec, kept);
}

/** ms that browsers show a frame whose delay is no more than {@link SHORTEST}. */
const INSTEAD = 100;
const SHORTEST = 10;

/** The frames of a rendition that ffmpeg encodes, in one file: ffmpeg never reads the source. They are opaque. */
export async function writeFrames(
  source: OpenSource,
  preset: ImagePreset,
  spec: ImageRenditionSpec & { format: DrawnFormat },
  file: string,
): Promise<Frames> {
  const { frames, canvas } = await drawFrames(source, preset, { ...spec, background: spec.background ?? '#ffffff' });
  const { delay = [] } = source.metadata;
  const size = { width: even(canvas.width), height: even(canvas.height) };
  const output = await open(file, 'w').catch(failed);
  try {
    await output.write(Buffer.alloc(ROOM)).catch(failed);
    for (const frame of frames) await output.write(asRgb(frame, canvas.width, size)).catch(failed);
  } finally {
    await output.close();
  }
  const delays = frames.map((_, page) => ((delay[page] ?? 0) > SHORTEST ? delay[page]! : INSTEAD));
  return { name: spec.name, file, format: spec.format, ...size, delays };
}

/** Colours of half the resolution need even sides: of an odd one the last px is left out. */
const even = (side: number): number => Math.max(2, side - (side % 2));

function failed(error: unknown): never {
  throw fileFailure(error, 'output');
}

/** Of opaque pixels. @param size px of the result; a single px is repeated */
function asRgb(rgba: Buffer, across: number, { width, height }: Size): Buffer {
  const down = rgba.length / (across * 4);
  const rgb = Buffer.alloc(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const row = Math.min(y, down - 1) * across;
    for (let x = 0; x < width; x++, to += 3) {
      const from = 4 * (row + Math.min(x, across - 1));
      rgb[to] = rgba[from]!;
      rgb[to + 1] = rgba[from + 1]!;
      rgb[to + 2] = rgba[from + 2]!;
    }
  }
  return rgb;
}
