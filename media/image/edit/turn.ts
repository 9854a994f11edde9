import type { ImageRenditionSpec } from '../../presets/schema';

export interface Size {
  width: number;
  height: number;
}
/** px, or fractions of a picture. */
export interface Point {
  x: number;
  y: number;
}

type Turn = Pick<ImageRenditionSpec, 'rotate' | 'flip'>;

/** The size after `rotate`. */
export function turned({ width, height }: Size, { rotate }: Turn): Size {
  return rotate === 90 || rotate === 270 ? { width: height, height: width } : { width, height };
}

/** Where a point (in fractions) of the turned picture was before `rotate` and `flip`. */
export function unturned({ x, y }: Point, { rotate, flip }: Turn): Point {
  const fx = flip === 'horizontal' || flip === 'both' ? 1 - x : x;
  const fy = flip === 'vertical' || flip === 'both' ? 1 - y : y;
  if (rotate === 90) return { x: fy, y: 1 - fx };
  if (rotate === 180) return { x: 1 - fx, y: 1 - fy };
  if (rotate === 270) return { x: 1 - fy, y: fx };
  return { x: fx, y: fy };
}
