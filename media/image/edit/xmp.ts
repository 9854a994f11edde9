import type { Metadata } from 'sharp';
import type { Point } from './layout';

/** Bytes of XMP that are looked at. */
const MAX_XMP = 1_000_000;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * What cameras and photo managers wrote into the file as regions (Metadata Working Group, `mwg-rs`): a region of the type
 * `Focus`, else all faces together. Fractions of the upright picture.
 */
export function regionFocus({ xmpAsString, orientation = 1 }: Metadata): Box | undefined {
  if (xmpAsString === undefined || xmpAsString.length > MAX_XMP) return undefined;
  const regions = xmpAsString.split(/(?=<rdf:li[\s>])/).flatMap((text) => {
    const type = field(text, 'mwg-rs:Type');
    const box = boxOf(text);
    return type === undefined || box === undefined ? [] : [{ type, box }];
  });
  const focus = regions.find(({ type }) => type === 'Focus');
  const boxes = focus ? [focus.box] : regions.filter(({ type }) => type === 'Face').map(({ box }) => box);
  if (boxes.length === 0) return undefined;
  const corners = boxes
    .flatMap(({ x, y, width, height }) => [
      { x, y },
      { x: x + width, y: y + height },
    ])
    .map((point) => upright(point, orientation));
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** The value of a property, written as an attribute or as an element. */
function field(text: string, name: string): string | undefined {
  return new RegExp(`${name}(?:="|>)([^"<]{0,40})`).exec(text)?.[1]?.trim();
}

/** `stArea` holds the middle of the region and its size. */
function boxOf(text: string): Box | undefined {
  if ((field(text, 'stArea:unit') ?? 'normalized') !== 'normalized') return undefined;
  const [x = NaN, y = NaN, w = 0, h = 0] = ['x', 'y', 'w', 'h'].map((part) =>
    Number(field(text, `stArea:${part}`) ?? '0'),
  );
  const box = { x: x - w / 2, y: y - h / 2, width: w, height: h };
  const inside = [x, y, w, h].every((value) => value >= 0 && value <= 1) && field(text, 'stArea:x') !== undefined;
  return inside ? box : undefined;
}

/** Regions are said of the stored pixels; EXIF says how those are turned. */
function upright({ x, y }: Point, orientation: number): Point {
  const [fx, fy] = [1 - x, 1 - y];
  const places: Record<number, Point> = {
    2: { x: fx, y },
    3: { x: fx, y: fy },
    4: { x, y: fy },
    5: { x: y, y: x },
    6: { x: fy, y: x },
    7: { x: fy, y: fx },
    8: { x: y, y: fx },
  };
  return places[orientation] ?? { x, y };
}
