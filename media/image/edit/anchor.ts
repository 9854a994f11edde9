import sharp from 'sharp';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import type { OpenSource } from '../source';
import type { Still } from '../still';
import type { Point, Rect } from './layout';
import { regionFocus } from './xmp';

type Box = Point & { width?: number; height?: number };

/** px of the picture in which `attention` and `entropy` look for what matters. */
const PROBE_SIDE = 320;

/** The point, in fractions of the area, that `cover` keeps; undefined where a side or corner of the spec decides. */
export async function anchorOf(
  source: OpenSource,
  still: Still,
  area: Rect,
  preset: ImagePreset,
  spec: ImageRenditionSpec,
): Promise<Point | undefined> {
  if (spec.gravity === 'attention' || spec.gravity === 'entropy') return interesting(still, area, spec, spec.gravity);
  if (spec.gravity !== 'focus' && spec.gravity !== 'faces') return undefined;
  const around = spec.gravity === 'faces' ? aroundFaces(source) : undefined;
  if (spec.gravity === 'faces' && around === undefined) {
    const sentence = 'No face was found; renditions with gravity `faces` keep what draws attention.';
    if (!source.warnings.includes(sentence)) source.warnings.push(sentence);
    return interesting(still, area, spec, 'attention');
  }
  const { x, y, width = 0, height = 0 } = around ?? preset.focus ?? regionFocus(source.metadata) ?? nothing(source);
  const within = (at: number, whole: number, start: number, length: number) =>
    Math.min(1, Math.max(0, (at * whole - start) / length));
  return {
    x: within(x + width / 2, still.size.width, area.left, area.width),
    y: within(y + height / 2, still.size.height, area.top, area.height),
  };
}

/** The box around all faces, in fractions of the picture. */
function aroundFaces({ faces = [], facts }: OpenSource): Box | undefined {
  if (faces.length === 0) return undefined;
  const left = Math.min(...faces.map(({ x }) => x));
  const top = Math.min(...faces.map(({ y }) => y));
  const right = Math.max(...faces.map(({ x, width }) => x + width));
  const bottom = Math.max(...faces.map(({ y, height }) => y + height));
  const [across, down] = [facts.width, facts.height];
  return { x: left / across, y: top / down, width: (right - left) / across, height: (bottom - top) / down };
}

function nothing(source: OpenSource): Box {
  const sentence = 'Neither the job nor the file says where its focus is; the middle was kept.';
  if (!source.warnings.includes(sentence)) source.warnings.push(sentence);
  return { x: 0.5, y: 0.5 };
}

/** Looks in a small copy: where the crop lies is then known before the large one is made. */
async function interesting(
  still: Still,
  area: Rect,
  { width = 1, height = 1, rotate }: ImageRenditionSpec,
  strategy: 'attention' | 'entropy',
): Promise<Point> {
  const ratio = rotate === 90 || rotate === 270 ? height / width : width / height;
  const shrink = Math.min(1, PROBE_SIDE / Math.max(area.width, area.height));
  const small = {
    width: Math.max(1, Math.round(area.width * shrink)),
    height: Math.max(1, Math.round(area.height * shrink)),
  };
  const { data, info } = await still
    .pipeline(false)
    .extract(area)
    .resize({ ...small, fit: 'fill' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const box = {
    width: Math.max(1, Math.round(Math.min(small.width, small.height * ratio))),
    height: Math.max(1, Math.round(Math.min(small.height, small.width / ratio))),
  };
  const { info: kept } = await sharp(data, { raw: { ...small, channels: info.channels } })
    .resize({ ...box, fit: 'cover', position: sharp.strategy[strategy] })
    .raw()
    .toBuffer({ resolveWithObject: true });
  // sharp counts from the crop to the picture: the offsets are negative, or absent where nothing is cut off.
  const left = Math.abs(kept.cropOffsetLeft ?? 0);
  const top = Math.abs(kept.cropOffsetTop ?? 0);
  return { x: (left + box.width / 2) / small.width, y: (top + box.height / 2) / small.height };
}
