import sharp from 'sharp';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import { encode, type Encoded } from '../encode';
import type { Kept } from '../metadata/kept';
import type { OpenSource } from '../source';
import { fromPixels, resize, type Still } from '../still';
import { decodeSize, targetSize } from './layout';
import { encodeReaching, searches } from './reach';
import { draw, planOf, settled } from './render';

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

/** Each frame is drawn like a still, by the plan of the first one: what `attention` keeps does not jump about. */
async function encodeEdited(
  source: OpenSource,
  preset: ImagePreset,
  spec: ImageRenditionSpec,
  kept: Kept,
): Promise<Encoded> {
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
  const drawn: Buffer[] = [];
  for (let page = 0; page < pages; page++) {
    const picture = await draw(stillAt(page), plan, spec);
    // Grey pixels have fewer channels than the frames they go into.
    const coloured = spec.greyscale ? await settled(picture) : picture;
    drawn.push(await coloured.toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer());
  }
  const { canvas } = plan.layout;
  const raw = { width: canvas.width, height: canvas.height * pages, channels: 4, pageHeight: canvas.height } as const;
  const { delay, loop } = metadata;
  const all = Buffer.concat(drawn);
  // The format that follows takes over how long each frame shows.
  const pixels = () => fromPixels(all, raw).webp({ delay, loop });
  return searches(spec) ? encodeReaching(pixels, spec, kept) : encode(pixels(), spec, kept);
}
