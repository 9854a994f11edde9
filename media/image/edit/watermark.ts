import { DarkroomError } from '../../../common/errors';
import type { ImagePreset } from '../../presets/schema';
import { decodeFailure } from '../failures';
import { identify, openSource } from '../source';
import { openStill } from '../still';
import type { ImageLimits, ImageTask } from '../types';
import type { Watermark, Watermarks } from './overlays';
import { withProfile } from '../wide';

/** px: a larger watermark is decoded to fit in a square of this side. */
const MAX_SIDE = 4096;

/**
 * Decodes every watermark of a task once, by the reader and within the limits of sources. Of an animation it is the first frame.
 * @throws DarkroomError of the type that the same file would have as a source; the sentence begins with the watermark
 */
export async function openWatermarks({ watermarks = {}, limits }: ImageTask): Promise<Watermarks> {
  const opened = new Map<string, Watermark>();
  for (const [source, file] of Object.entries(watermarks)) opened.set(source, await open(file, limits));
  return opened;
}

/** Loaders of drawings are open for the source alone, and not even there by default. */
function refuseDrawing(error: unknown): never {
  const isDrawing = error instanceof DarkroomError && error.details['format'] === 'svg';
  if (isDrawing) throw new DarkroomError(error.type, 'It is an SVG; save it as PNG.', error.details);
  throw error;
}

async function open(file: string, limits: ImageLimits): Promise<Watermark> {
  let name = 'picture';
  try {
    const identity = await identify({ input: file, allowSvg: false }).catch(refuseDrawing);
    name = identity.name;
    const spec = { name: 'watermark', format: 'png', width: MAX_SIDE, height: MAX_SIDE } as const;
    const preset: ImagePreset = { animation: 'first', colour: 'srgb', renditions: [spec] };
    const still = await openStill(await openSource(identity, limits), preset, [spec], limits);
    const { width, height } = still.size;
    const fitting = Math.min(1, MAX_SIDE / width, MAX_SIDE / height);
    const size = { width: Math.max(1, Math.round(width * fitting)), height: Math.max(1, Math.round(height * fitting)) };
    const picture = still.pipeline(false);
    const small = fitting < 1 ? picture.resize({ ...size, fit: 'fill' }) : picture;
    const data = await (await withProfile(small))(false).ensureAlpha().raw({ depth: 'uchar' }).toBuffer();
    return { data, ...size, resized: new Map() };
  } catch (error) {
    const { type, message, details } = decodeFailure(error, name);
    throw new DarkroomError(type, `The watermark cannot be used: ${message}`, details, { cause: error });
  }
}
