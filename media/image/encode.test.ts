import type { ImageRenditionSpec } from '../presets/schema';
import { sharpOptions, targetSize } from './encode';

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

describe('sharpOptions', () => {
  type Fields = Partial<Parameters<typeof sharpOptions>[0]>;
  const options = (fields: Fields) => sharpOptions({ name: 'x', format: 'webp', ...fields });
  test.each<[string, Fields, object]>([
    ['webp by default', {}, { quality: 78, effort: 2, lossless: false }],
    ['webp as told', { quality: 90, effort: 6, lossless: true }, { quality: 90, effort: 6, lossless: true }],
    ['avif by default', { format: 'avif' }, { quality: 55, effort: 2, chromaSubsampling: '4:2:0' }],
    ['avif without loss keeps all colour', { format: 'avif', lossless: true }, { chromaSubsampling: '4:4:4' }],
    [
      "jpeg: progressive, mozjpeg's table, no trellis",
      { format: 'jpeg' },
      { progressive: true, quantisationTable: 3, trellisQuantisation: false, optimiseScans: false },
    ],
    [
      'jpeg with trellis: all of mozjpeg',
      { format: 'jpeg', trellis: true },
      { trellisQuantisation: true, overshootDeringing: true, optimiseScans: true },
    ],
    ['png effort is compression', { format: 'png', effort: 10 }, { compressionLevel: 9 }],
  ])('%s', (_name, fields, expected) => {
    expect(options(fields)).toMatchObject(expected);
  });

  test('png never loses colours to a palette', () => {
    expect(options({ format: 'png', effort: 5 })).not.toHaveProperty('effort');
  });
});
