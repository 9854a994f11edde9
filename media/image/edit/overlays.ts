import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import type { ImageRenditionSpec } from '../../presets/schema';
import { pointOf, type Size } from './layout';
import { textPicture, type Overlay } from './text';

/** Are there things to lay on a rendition? */
export function hasOverlays({ text }: ImageRenditionSpec): boolean {
  return text !== undefined;
}

/**
 * Lays text on a finished picture. What does not fit between the margins is made smaller.
 * @param picture of which nothing but the colour profile is still to come
 * @param isP3 its numbers are those of Display P3
 */
export async function withOverlays(
  picture: Sharp,
  canvas: Size,
  spec: ImageRenditionSpec,
  isP3: boolean,
): Promise<Sharp> {
  const { dpr = 1, text } = spec;
  const layers: OverlayOptions[] = [];
  if (text !== undefined) {
    const margin = Math.round((text.margin ?? 16) * dpr);
    const room = roomIn(canvas, margin);
    const drawn = await fitted(await textPicture(text, room.width, dpr), room);
    layers.push(await layer(faded(drawn, text.opacity), canvas, margin, text.gravity ?? 'south', isP3));
  }
  return picture.composite(layers);
}

/** What is left between the margins; at least a pixel. */
function roomIn({ width, height }: Size, margin: number): Size {
  return { width: Math.max(1, width - 2 * margin), height: Math.max(1, height - 2 * margin) };
}

/** No larger than the room for it. */
async function fitted(overlay: Overlay, room: Size): Promise<Overlay> {
  if (overlay.width <= room.width && overlay.height <= room.height) return overlay;
  const { data, info } = await sharp(overlay.data, {
    raw: { width: overlay.width, height: overlay.height, channels: 4 },
  })
    .resize({ ...room, fit: 'inside' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** With all of it more transparent. @param opacity 1: as it is */
function faded({ data, ...size }: Overlay, opacity = 1): Overlay {
  if (opacity === 1) return { data, ...size };
  const pixels = Buffer.from(data);
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = Math.round(pixels[at]! * opacity);
  return { data: pixels, ...size };
}

async function layer(
  overlay: Overlay,
  canvas: Size,
  margin: number,
  gravity: Parameters<typeof pointOf>[0],
  isP3: boolean,
): Promise<OverlayOptions> {
  const { x, y } = pointOf(gravity);
  const along = (whole: number, part: number, share: number) => {
    const inset = Math.min(margin, Math.max(0, Math.floor((whole - part) / 2)));
    return inset + Math.round((whole - part - 2 * inset) * share);
  };
  const raw = { width: overlay.width, height: overlay.height, channels: 4 } as const;
  const place = { left: along(canvas.width, raw.width, x), top: along(canvas.height, raw.height, y) };
  if (!isP3) return { input: overlay.data, raw, ...place };
  return { input: await sharp(overlay.data, { raw }).withIccProfile('p3').png().toBuffer(), ...place };
}
