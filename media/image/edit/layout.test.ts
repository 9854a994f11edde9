import type { ImageRenditionSpec } from '../../presets/schema';
import { layoutOf, targetSize } from './layout';

const spec = (fields: Partial<ImageRenditionSpec>): ImageRenditionSpec => ({ name: 'x', format: 'webp', ...fields });

describe('targetSize', () => {
  test.each<[string, [number, number], Partial<ImageRenditionSpec>, [number, number]]>([
    ['shrinks to the width', [1920, 1280], { width: 640 }, [640, 427]],
    ['shrinks to the height', [1920, 1280], { height: 640 }, [960, 640]],
    ['fits inside of a box', [1000, 3000], { width: 320, height: 320 }, [107, 320]],
    ['never enlarges', [100, 50], { width: 640 }, [100, 50]],
    ['keeps at least one pixel', [10_000, 10], { width: 16 }, [16, 1]],
    ["stays under WebP's longest side", [1000, 30_000], { width: 1000 }, [546, 16_383]],
    ["stays under JPEG's longest side", [10, 131_000], { format: 'jpeg', width: 1000 }, [5, 65_500]],
    ["stays within the memory of JPEG XL's encoder", [8000, 6000], { format: 'jxl', width: 8000 }, [4000, 3000]],
  ])('%s', (_name, [width, height], fields, expected) => {
    const size = targetSize({ width, height }, spec(fields));
    expect([size.width, size.height]).toEqual(expected);
  });
});

describe('layoutOf', () => {
  test.each<[string, [number, number], Partial<ImageRenditionSpec>, number[]]>([
    // [crop left, crop top, crop width, crop height, canvas width, canvas height, left, top]
    ['cover keeps the middle', [200, 100], { fit: 'cover', width: 50, height: 50 }, [50, 0, 100, 100, 50, 50, 0, 0]],
    [
      'cover keeps a side',
      [200, 100],
      { fit: 'cover', width: 50, height: 50, gravity: 'east' },
      [100, 0, 100, 100, 50, 50, 0, 0],
    ],
    [
      'cover of a turned picture',
      [200, 100],
      { fit: 'cover', width: 50, height: 50, gravity: 'north', rotate: 90 },
      [0, 0, 100, 100, 50, 50, 0, 0],
    ],
    ['cover enlarges nothing', [40, 30], { fit: 'cover', width: 100, height: 100 }, [5, 0, 30, 30, 30, 30, 0, 0]],
    ['outside', [200, 100], { fit: 'outside', width: 50, height: 50 }, [0, 0, 200, 100, 100, 50, 0, 0]],
    [
      'contain has the exact size',
      [200, 100],
      { fit: 'contain', width: 50, height: 50 },
      [0, 0, 200, 100, 50, 50, 0, 13],
    ],
    [
      'contain at an edge, of a small picture',
      [20, 20],
      { fit: 'contain', width: 60, height: 40, gravity: 'southeast' },
      [0, 0, 20, 20, 60, 40, 40, 20],
    ],
    ['pad comes on top', [200, 100], { width: 100, pad: 10 }, [0, 0, 200, 100, 120, 70, 10, 10]],
    ['dpr multiplies', [800, 400], { width: 100, pad: 10, dpr: 2 }, [0, 0, 800, 400, 240, 140, 20, 20]],
    ['a quarter turn swaps the box', [200, 100], { width: 50, rotate: 270 }, [0, 0, 200, 100, 50, 100, 0, 0]],
    [
      'pad and picture stay within the format together',
      [16_383, 100],
      { width: 16_383, pad: 100 },
      [0, 0, 16_383, 100, 16_383, 297, 99, 99],
    ],
  ])('%s', (_name, [width, height], fields, expected) => {
    const { crop, canvas, at } = layoutOf({ width, height }, spec(fields));
    const all = [crop.left, crop.top, crop.width, crop.height, canvas.width, canvas.height, at.left, at.top];
    expect(all).toEqual(expected);
  });

  test('a point to keep is in the middle, as far as the edges allow', () => {
    const square = spec({ fit: 'cover', width: 50, height: 50, gravity: 'focus' });
    const left = (x: number) => layoutOf({ width: 200, height: 100 }, square, { x, y: 0.5 }).crop.left;
    expect([0, 0.4, 0.9].map(left)).toEqual([0, 30, 100]);
  });
});
