import { sharpOptions } from './encode';

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
