import type { Rendition, WorkItem } from '../common/contracts';
import { parsePreset } from '../media/presets';
import { pictureOf } from './picture';

const rendition = (name: string, width: number, height: number, over: Partial<Rendition> = {}): Rendition => ({
  ...{ name, role: 'image', path: `${name}-1a.bin`, mime: 'image/x', width, height, bytes: 1, sha256: '00' },
  ...over,
});

function markup(renditions: Rendition[], specs: string[], over: { section?: string; alt?: string } = {}) {
  const yaml = `image:\n${over.section ?? ''}  renditions:\n${specs.map((spec) => `    - { ${spec} }`).join('\n')}`;
  const metadata = over.alt === undefined ? undefined : { alt: over.alt };
  return pictureOf({ preset: parsePreset('test', yaml), metadata } as WorkItem, renditions);
}

test('every format with its widths, the best first, and a file that every browser shows', () => {
  const made = [
    ...[rendition('j-640', 640, 427), rendition('j-320', 320, 213), rendition('w-640', 640, 427)],
    ...[rendition('a-320', 320, 213), rendition('a-640', 640, 427), rendition('square', 200, 200)],
  ];
  const picture = markup(
    made,
    [
      'name: j-640, format: jpeg, width: 640',
      'name: j-320, format: jpeg, width: 320, quality: 60',
      'name: w-640, format: webp, width: 640',
      'name: a-320, format: avif, width: 320, sharpen: 1',
      'name: a-640, format: avif, width: 640',
      'name: square, format: jpeg, width: 200, height: 200, fit: cover',
    ],
    { section: '  sizes: "(min-width: 60em) 50vw, 100vw"\n', alt: 'A "dog" & <cat>' },
  );
  expect(picture?.sources).toEqual([
    { type: 'image/avif', srcset: 'a-320-1a.bin 320w, a-640-1a.bin 640w' },
    { type: 'image/webp', srcset: 'w-640-1a.bin 640w' },
    { type: 'image/jpeg', srcset: 'j-320-1a.bin 320w, j-640-1a.bin 640w' },
  ]);
  expect(picture?.html).toBe(
    `<picture>
  <source type="image/avif" srcset="a-320-1a.bin 320w, a-640-1a.bin 640w" sizes="(min-width: 60em) 50vw, 100vw">
  <source type="image/webp" srcset="w-640-1a.bin 640w" sizes="(min-width: 60em) 50vw, 100vw">
  <img src="j-640-1a.bin" srcset="j-320-1a.bin 320w, j-640-1a.bin 640w" sizes="(min-width: 60em) 50vw, 100vw" width="640" height="427" alt="A &quot;dog&quot; &amp; &lt;cat&gt;">
</picture>`,
  );
});

test('a small source has one file of each format, and other looks and shapes do not mix', () => {
  const made = ['a', 'b', 'grey', 'cut'].map((name) => rendition(name, 300, name === 'cut' ? 150 : 200));
  const picture = markup(made, [
    'name: grey, format: webp, width: 640, greyscale: true',
    'name: a, format: webp, width: 640',
    'name: b, format: webp, width: 1280',
    'name: cut, format: webp, width: 640',
  ]);
  expect(picture?.sources).toEqual([{ type: 'image/webp', srcset: 'a-1a.bin 300w' }]);
  expect(picture?.html).toContain('<img src="a-1a.bin"');
});

test('what moves goes before what stands still', () => {
  const made = [rendition('still-1', 64, 64), rendition('still-2', 32, 32), rendition('moving', 64, 64, { frames: 3 })];
  const picture = markup(
    made,
    [
      'name: still-1, format: avif, width: 64',
      'name: still-2, format: avif, width: 32',
      'name: moving, format: webp, width: 64',
    ],
    { section: '  animation: keep\n' },
  );
  expect(picture?.sources).toEqual([{ type: 'image/webp', srcset: 'moving-1a.bin 64w' }]);
});

test('silent videos have a <video>, beside the pictures or alone', () => {
  const film = (name: string, width: number, mime: string, over: Partial<Rendition> = {}) =>
    rendition(name, width, width, { role: 'video', mime, frames: 3, ...over });
  const made = [
    film('m', 64, 'video/mp4', { codecs: 'avc1.64000a' }),
    ...[film('m-small', 32, 'video/mp4'), film('v', 64, 'video/webm'), film('grey', 128, 'video/webm')],
    rendition('moving', 64, 64, { frames: 3 }),
  ];
  const specs = [
    'name: m, format: mp4, width: 64',
    'name: m-small, format: mp4, width: 32',
    'name: v, format: webm, width: 64',
    'name: grey, format: webm, width: 128, greyscale: true',
    'name: moving, format: webp, width: 64',
  ];
  const over = { section: '  animation: keep\n', alt: 'A "dog"' };
  const video = `<video autoplay loop muted playsinline width="64" height="64" aria-label="A &quot;dog&quot;">
  <source src="v-1a.bin" type="video/webm">
  <source src="m-1a.bin" type="video/mp4; codecs=&quot;avc1.64000a&quot;">
</video>`;
  const both = markup(made, specs, over);
  expect(both?.video).toBe(video);
  expect(both?.sources).toEqual([{ type: 'image/webp', srcset: 'moving-1a.bin 64w' }]);
  expect(both?.html).toMatch(/^<picture>/);
  expect(markup(made.slice(0, 4), specs, over)).toEqual({ sources: [], sizes: '100vw', html: video, video });
});

test('addresses end where they end, and nothing shown is no picture', () => {
  const spec = ['name: a, format: png, width: 64'];
  const odd = markup([rendition('a', 64, 64, { path: 'a folder/a,b.png' })], spec);
  expect(odd?.sources).toEqual([{ type: 'image/png', srcset: 'a%20folder/a%2Cb.png 64w' }]);
  const url = 'https://cdn.example.com/a%2Cb.png?v=1&w=2';
  const known = markup([rendition('a', 64, 64, { url })], spec);
  expect(known?.sources[0]?.srcset).toBe(`${url} 64w`);
  expect(known?.html).toContain('src="https://cdn.example.com/a%2Cb.png?v=1&amp;w=2"');
  expect(markup([], spec)).toBeUndefined();
});
