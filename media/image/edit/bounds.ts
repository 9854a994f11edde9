import sharp from 'sharp';
import type { Rect } from './layout';

/** The part of a PNG or another file with transparency that is not fully transparent; undefined where nothing of it shows. */
export async function visibleBounds(file: Buffer): Promise<Rect | undefined> {
  const { data, info } = await sharp(file).extractChannel('alpha').raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    const first = row.findIndex((alpha) => alpha > 0);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(
      right,
      row.findLastIndex((alpha) => alpha > 0),
    );
    top = Math.min(top, y);
    bottom = y;
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}
