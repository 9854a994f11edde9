import { formatRow } from '../../formats';
import type { Compass } from '../../presets/watermark';
import type { ImageRenditionSpec } from '../../presets/schema';
import { turned, unturned, type Point, type Size } from './turn';

export type { Point, Size };

export interface Rect extends Size {
  left: number;
  top: number;
}

/** How a rendition comes about from a picture, before and after it is turned. */
export interface Layout {
  /** px of the picture: what is kept of it. Not rounded. */
  crop: Rect;
  /** px that the kept part is resized to; not turned yet. */
  size: Size;
  /** px of the finished rendition, with what is around the picture. */
  canvas: Size;
  /** px of the canvas left of and above the turned picture. */
  at: { left: number; top: number };
}

/** A side or corner as fractions: `northwest` is 0, 0. */
export function pointOf(place: Compass): Point {
  const x = place.endsWith('west') ? 0 : place.endsWith('east') ? 1 : 0.5;
  const y = place.startsWith('north') ? 0 : place.startsWith('south') ? 1 : 0.5;
  return { x, y };
}

/** What the format can hold of `size`, as a factor of at most 1. */
function formatScale({ format }: ImageRenditionSpec, { width, height }: Size): number {
  const { maxSide, maxPixels = Infinity } = formatRow(format);
  return Math.min(1, maxSide / width, maxSide / height, Math.sqrt(maxPixels / (width * height)));
}

const scaled = ({ width, height }: Size, scale: number): Size => ({
  width: Math.max(1, Math.round(width * scale)),
  height: Math.max(1, Math.round(height * scale)),
});

/** The factor by which the kept part of the picture shrinks: at most 1, since nothing is enlarged. */
function fitScale(kept: Size, box: Size, fit: ImageRenditionSpec['fit']): number {
  const [horizontal, vertical] = [box.width / kept.width, box.height / kept.height];
  return Math.min(1, fit === 'outside' ? Math.max(horizontal, vertical) : Math.min(horizontal, vertical));
}

/** The largest part of the picture with the aspect ratio of the box. */
function covered(picture: Size, box: Size): Size {
  const width = Math.min(picture.width, (picture.height * box.width) / box.height);
  return { width, height: Math.min(picture.height, (width * box.height) / box.width) };
}

/**
 * @param picture px, upright; what is left of it after cropping and trimming
 * @param anchor what `cover` keeps in the middle where it can, in fractions of the picture; absent: the spec's `gravity`
 */
export function layoutOf(picture: Size, spec: ImageRenditionSpec, anchor?: Point): Layout {
  const { dpr = 1, fit = 'inside', rotate } = spec;
  const place = pointOf(compassOf(spec));
  const pad = Math.round((spec.pad ?? 0) * dpr);
  const wanted = { width: (spec.width ?? Infinity) * dpr, height: (spec.height ?? Infinity) * dpr };
  const turns = rotate === 90 || rotate === 270;
  const box = turns ? { width: wanted.height, height: wanted.width } : wanted;

  const kept = fit === 'cover' ? covered(picture, box) : picture;
  const crop = { ...kept, ...placed(picture, kept, anchor ?? unturned(place, spec), anchor === undefined) };
  const scale = fitScale(kept, box, fit);
  const canvasAt = (factor: number): Size => {
    const inner = fit === 'contain' ? scaled(wanted, factor) : turned(scaled(kept, scale * factor), spec);
    const border = Math.round(pad * factor);
    return { width: inner.width + 2 * border, height: inner.height + 2 * border };
  };
  // Without anything around the picture, its exact size decides, and rounding has no second say.
  const around = fit === 'contain' || pad > 0;
  const factor = around
    ? formatScale(spec, canvasAt(1))
    : formatScale(spec, { width: kept.width * scale, height: kept.height * scale });
  const size = scaled(kept, scale * factor);
  const upright = turned(size, spec);
  const canvas = around ? canvasAt(factor) : upright;
  const border = Math.round(pad * factor);
  const free = {
    width: canvas.width - 2 * border - upright.width,
    height: canvas.height - 2 * border - upright.height,
  };
  const at = { left: border + Math.round(free.width * place.x), top: border + Math.round(free.height * place.y) };
  return { crop, size, canvas, at };
}

/** The side or corner of a spec; the middle where the picture itself decides. */
function compassOf({ gravity = 'centre' }: ImageRenditionSpec): Compass {
  const isSeen = gravity === 'attention' || gravity === 'entropy' || gravity === 'faces' || gravity === 'focus';
  return isSeen ? 'centre' : gravity;
}

/** Where the kept part lies. `share`: the point says how much of the rest is before it; otherwise it is the middle to aim at. */
function placed(whole: Size, kept: Size, { x, y }: Point, share: boolean): { left: number; top: number } {
  const along = (length: number, part: number, at: number) =>
    share ? (length - part) * at : Math.min(length - part, Math.max(0, at * length - part / 2));
  return { left: along(whole.width, kept.width, x), top: along(whole.height, kept.height, y) };
}

/** The size of a rendition in px, with all that is around the picture. @param source px, upright */
export function targetSize(source: Size, spec: ImageRenditionSpec): Size {
  return layoutOf(source, spec).canvas;
}

/** px at which the whole source has to be decoded for this rendition: small enough to save work, and never too small. */
export function decodeSize(source: Size, spec: ImageRenditionSpec, part: Size = source): Size {
  // How much a trim leaves is only known afterwards.
  if (spec.trim !== undefined) return source;
  const { crop, size } = layoutOf(part, spec);
  if (crop.width === source.width && crop.height === source.height) return size;
  return scaled(source, Math.min(1, Math.max(size.width / crop.width, size.height / crop.height)));
}
