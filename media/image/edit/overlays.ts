import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import type { ImageRenditionSpec } from '../../presets/schema';
import { pointOf, type Size } from './layout';
import { textPicture, type Overlay } from './text';

/** A picture to lay on others, upright. Renditions of one width share its resizing. */
export interface Watermark extends Overlay {
  resized: Map<string, Promise<Overlay>>;
}
/** By the source that the preset names. */
export type Watermarks = ReadonlyMap<string, Watermark>;

/** Are there things to lay on a rendition? */
export function hasOverlays({ text, watermark }: ImageRenditionSpec): boolean {
  return text !== undefined || watermark !== undefined;
}

/**
 * Lays a watermark, and text above that, on a finished picture. What does not fit between the margins is made smaller.
 * @param picture of which nothing but the colour profile is still to come
 * @param isP3 its numbers are those of Display P3
 */
export async function withOverlays(
  picture: Sharp,
  canvas: Size,
  spec: ImageRenditionSpec,
  isP3: boolean,
  watermarks?: Watermarks,
): Promise<Sharp> {
  const { dpr = 1, text, watermark } = spec;
  const layers: OverlayOptions[] = [];
  if (watermark !== undefined) {
    const picture = watermarks?.get(watermark.source);
    if (picture === undefined) throw new Error('the watermark was not opened');
    const margin = Math.round((watermark.margin ?? 16) * dpr);
    const width = Math.max(1, Math.round(canvas.width * (watermark.scale ?? 0.2)));
    const drawn = faded(await resized(picture, width, roomIn(canvas, margin)), watermark.opacity);
    const { gravity = 'southeast', tile = false } = watermark;
    layers.push(tile ? await tiles(drawn, canvas, margin, isP3) : await layer(drawn, canvas, margin, gravity, isP3));
  }
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

/** The watermark at a width, or as large as the room for it allows. */
function resized(picture: Watermark, width: number, room: Size): Promise<Overlay> {
  const factor = Math.min(width / picture.width, room.width / picture.width, room.height / picture.height);
  const side = (length: number) => Math.max(1, Math.round(length * factor));
  const size = { width: side(picture.width), height: side(picture.height) };
  const key = `${size.width}x${size.height}`;
  const known = picture.resized.get(key);
  if (known !== undefined) return known;
  const made = sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 4 } })
    .resize({ ...size, fit: 'fill' })
    .raw()
    .toBuffer()
    .then((data) => ({ data, ...size }));
  picture.resized.set(key, made);
  return made;
}

/** The overlay again and again from the upper left corner, with the margin before each. */
async function tiles(overlay: Overlay, canvas: Size, margin: number, isP3: boolean): Promise<OverlayOptions> {
  const { data, width, height } = overlay;
  const left = Math.min(margin, Math.max(0, canvas.width - width));
  const top = Math.min(margin, Math.max(0, canvas.height - height));
  const pattern = sharp(data, { raw: { width, height, channels: 4 } }).extend({
    ...{ left, top },
    background: { r: 0, g: 0, b: 0, alpha: 0 },
  });
  const input = await (isP3 ? pattern.withIccProfile('p3') : pattern).png().toBuffer();
  return { input, tile: true, gravity: 'northwest' };
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
