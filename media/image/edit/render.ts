import type { Sharp } from 'sharp';
import { formatRow } from '../../formats';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import type { OpenSource } from '../source';
import { fromPixels, type Still } from '../still';
import { withProfile } from '../wide';
import { anchorOf } from './anchor';
import { hasOverlays, withOverlays, type Watermarks } from './overlays';
import type { Resize, Resizer } from './resizes';
import { layoutOf, type Layout, type Rect, type Size } from './layout';

/** A rendition as planned: which px of the still, and what becomes of them. */
export interface Plan {
  layout: Layout;
  /** Whole px of the still. */
  rect: Rect;
}

/** Plans a rendition of a still, whose px are those of the source or fewer. */
export async function planOf(
  source: OpenSource,
  still: Still,
  preset: ImagePreset,
  spec: ImageRenditionSpec,
): Promise<Plan> {
  const area = await trimmed(still, cropped(still.size, preset.crop), spec);
  const anchor = await anchorOf(source, still, area, preset, spec);
  const [across, down] = [source.facts.width / still.size.width, source.facts.height / still.size.height];
  const whole = area.width === still.size.width && area.height === still.size.height;
  const picture = whole ? source.facts : { width: area.width * across, height: area.height * down };
  const layout = layoutOf(picture, spec, anchor);
  return { layout, rect: wholePixels(layout.crop, area, { width: across, height: down }) };
}

/** The crop of the source in px of the still. */
function wholePixels(crop: Rect, area: Rect, scale: Size): Rect {
  const along = (start: number, length: number, factor: number, from: number, most: number) => {
    const part = Math.min(most, Math.max(1, Math.round(length / factor)));
    return { from: from + Math.min(most - part, Math.round(start / factor)), part };
  };
  const x = along(crop.left, crop.width, scale.width, area.left, area.width);
  const y = along(crop.top, crop.height, scale.height, area.top, area.height);
  return { left: x.from, top: y.from, width: x.part, height: y.part };
}

/** `crop` of the preset, in px of the still. */
export function cropped({ width, height }: Size, crop: ImagePreset['crop']): Rect {
  if (crop === undefined) return { left: 0, top: 0, width, height };
  const left = Math.min(width - 1, Math.round(crop.x * width));
  const top = Math.min(height - 1, Math.round(crop.y * height));
  const within = (start: number, share: number, whole: number) =>
    Math.min(whole - start, Math.max(1, Math.round(share * whole)));
  return { left, top, width: within(left, crop.width, width), height: within(top, crop.height, height) };
}

/** px of a side from which on a border is looked for. */
const LEAST_SIDE = 3;

/** Renditions that trim alike share the search. */
const trims = new WeakMap<Still, Map<number, Promise<Rect>>>();

/** What a trim leaves of the area. The corner of the area says which colour its border has. */
function trimmed(still: Still, area: Rect, { trim }: ImageRenditionSpec): Promise<Rect> | Rect {
  // libvips looks for no border in less.
  if (trim === undefined || Math.min(area.width, area.height) < LEAST_SIDE) return area;
  const known = trims.get(still) ?? new Map<number, Promise<Rect>>();
  trims.set(still, known);
  const rect = known.get(trim) ?? findTrim(still, area, trim);
  known.set(trim, rect);
  return rect;
}

async function findTrim(still: Still, area: Rect, threshold: number): Promise<Rect> {
  // Its own pipeline: sharp trims before it extracts.
  const { data, info: whole } = await still
    .pipeline(false)
    .extract(area)
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const raw = { width: whole.width, height: whole.height, channels: whole.channels };
  const { info } = await fromPixels(data, raw).trim({ threshold }).raw().toBuffer({ resolveWithObject: true });
  return {
    left: area.left + Math.abs(info.trimOffsetLeft ?? 0),
    top: area.top + Math.abs(info.trimOffsetTop ?? 0),
    width: info.width,
    height: info.height,
  };
}

/** The resize that a rendition needs of a still. */
export function resizeOf(still: Still, { layout, rect }: Plan, spec: ImageRenditionSpec): Resize {
  return { rect, size: layout.size, profile: keepsProfile(still, spec) };
}

/** Does a rendition hold another profile than sRGB's? A profile of colours fits no grey picture. */
export function keepsProfile(still: Still, { format, greyscale = false }: ImageRenditionSpec): boolean {
  return still.profile !== undefined && formatRow(format).profile && !greyscale;
}

/** Draws what was planned. @param still the one that `resizes` are of */
export async function draw(
  still: Still,
  plan: Plan,
  spec: ImageRenditionSpec,
  resizes: Resizer,
  watermarks?: Watermarks,
): Promise<Sharp> {
  const { size, canvas, at } = plan.layout;
  const { blur, sharpen, greyscale = false, rotate, flip, background } = spec;
  const row = formatRow(spec.format);
  const wanted = resizeOf(still, plan, spec);
  const { profile } = wanted;
  let picture = await resizes(wanted);
  if (rotate !== undefined) picture = picture.rotate(rotate);
  // sharp mirrors before it turns: after a quarter turn, what was left and right is above and below.
  const quarter = rotate === 90 || rotate === 270;
  if (flip === 'both' || flip === (quarter ? 'horizontal' : 'vertical')) picture = picture.flip();
  if (flip === 'both' || flip === (quarter ? 'vertical' : 'horizontal')) picture = picture.flop();
  if (greyscale) picture = picture.greyscale();
  if (blur !== undefined) picture = picture.blur(blur * (spec.dpr ?? 1));
  if (sharpen !== undefined) picture = picture.sharpen({ sigma: sharpen * (spec.dpr ?? 1) });

  const turned = quarter ? { width: size.height, height: size.width } : size;
  const around = canvas.width !== turned.width || canvas.height !== turned.height;
  const opaque = background ?? (row.alpha ? undefined : '#ffffff');
  if (around) {
    // sharp blurs after it extends, and the edge would run into the background.
    if (blur !== undefined || sharpen !== undefined || (greyscale && background !== undefined))
      picture = (await withProfile(picture))(profile);
    picture = picture.extend({
      ...{ left: at.left, right: canvas.width - turned.width - at.left },
      ...{ top: at.top, bottom: canvas.height - turned.height - at.top },
      background: opaque ?? { r: 0, g: 0, b: 0, alpha: 0 },
    });
  }
  const transparent = still.hasAlpha || (around && opaque === undefined);
  const finished = transparent && opaque !== undefined ? picture.flatten({ background: opaque }) : picture;
  if (!hasOverlays(spec)) return finished;
  // sharp lays things on a picture before it has made some of the above of it.
  const base = (await withProfile(finished))(profile);
  const layered = await withOverlays(base, canvas, spec, profile && still.profile === 'p3', watermarks);
  return transparent && opaque === undefined ? layered : layered.removeAlpha();
}
