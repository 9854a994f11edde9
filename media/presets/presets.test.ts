import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import { listPresets, loadPreset, parsePreset, presetsOf, recipeHash, withOptions } from '.';

const folder = path.join(projectRoot(), 'presets');

describe('presets', () => {
  test('every preset that ships is valid', async () => {
    const names = await listPresets(folder);
    expect(names).toEqual(expect.arrayContaining(['archive', 'thumbnails', 'web']));
    for (const name of names) await expect(loadPreset(folder, name)).resolves.toMatchObject({ name });
  });

  test('web makes WebP 640/1280/1920 and JPEG 1280; video 720p and 360p with poster and sprite', async () => {
    const web = await loadPreset(folder, 'web');
    expect(web.image?.renditions.map((spec) => [spec.format, spec.width])).toEqual([
      ['webp', 640],
      ['webp', 1280],
      ['webp', 1920],
      ['jpeg', 1280],
    ]);
    expect(web.video?.rungs?.map((rung) => rung.height)).toEqual([720, 360]);
    expect(web.video).toHaveProperty('poster');
    expect(web.video).toHaveProperty('sprite');
  });

  test('stream makes a ladder of 1080, 720, 480 and 360 lines and HLS of it; no other preset does', async () => {
    expect((await loadPreset(folder, 'stream-auto')).video).toMatchObject({ ladder: 'auto', quality: { ssim: 0.95 } });
    const stream = await loadPreset(folder, 'stream');
    expect(stream.video).toMatchObject({ hls: true, poster: {}, sprite: {} });
    expect(stream.video?.rungs?.map((rung) => rung.height)).toEqual([1080, 720, 480, 360]);
    for (const name of ['archive', 'thumbnails', 'web']) {
      expect((await loadPreset(folder, name)).video).not.toHaveProperty('hls');
    }
  });

  test.each([
    ['image: { renditions: [{ name: a, format: webp, width: -1 }] }', 'image.renditions[0].width'],
    ['image: { renditions: [{ name: a, format: bmp, width: 100 }] }', 'image.renditions[0].format'],
    ['image: { renditions: [{ name: a, format: webp, widht: 100, width: 100 }] }', 'widht'],
    ['image: { renditions: [{ name: a, format: webp }] }', 'needs a width or a height'],
    ['image: { renditions: [{ name: a, format: webp, width: 100, effort: 9 }] }', 'effort'],
    ['image: { renditions: [{ name: a, format: webp, width: 50 }, { name: a, format: png, width: 50 }] }', 'same name'],
    ['image: { renditions: [{ name: a, format: jpeg, width: 100, effort: 1 }] }', 'effort: is not for jpeg'],
    ['image: { animation: keep, renditions: [{ name: a, format: jxl, width: 90 }] }', 'image.animation: `keep` needs'],
    [
      'image: { renditions: [{ name: a, format: mp4, width: 90 }] }',
      'image.animation: has to be `keep` for renditions with format mp4 and webm',
    ],
    [
      'image: { animation: keep, renditions: [{ name: a, format: mp4, width: 90, maxBytes: 90 kB }] }',
      'image.renditions[0].maxBytes: needs a quality to search: jpeg, webp, avif and jxl, not lossless',
    ],
    [
      'image: { animation: keep, renditions: [{ name: a, format: webm, width: 90, target: { ssim: 0.9 } }] }',
      'image.renditions[0].target: needs a quality to search',
    ],
    [
      'image: { animation: keep, renditions: [{ name: a, format: mp4, width: 90, lossless: true }] }',
      'image.renditions[0].lossless: is for webp, avif and jxl only',
    ],
    [
      'image: { animation: keep, renditions: [{ name: a, format: mp4, width: 90, effort: 3 }] }',
      'image.renditions[0].effort: is not for mp4',
    ],
    [
      'image: { animation: keep, renditions: [{ name: a, format: webm, width: 90, hdr: keep }] }',
      'image.renditions[0].hdr: `keep` is for avif only',
    ],
    ['image: { renditions: [{ name: ../a, format: webp, width: 100 }] }', 'image.renditions[0].name'],
    ['video: { rungs: [] }', 'video.rungs'],
    ['video: { rungs: [], hls: please }', 'video.hls'],
    ['video: { hls: true }', 'video.rungs: is needed, or `ladder: auto`'],
    [
      'video: { ladder: auto, rungs: [{ name: a, height: 90, crf: 30, maxrate: 300, speed: fast, audioBitrate: 64 }] }',
      'video.ladder: `auto` chooses the rungs, so leave out `rungs`',
    ],
    [
      'video: { hdr: keep, rungs: [{ name: a, height: 90, crf: 30, maxrate: 300, speed: fast, audioBitrate: 64 }] }',
      'video.hdr: `keep` needs a rung with codec hevc or av1: the others are SDR',
    ],
    ['video: { hdr: keep, ladder: auto, quality: { ssim: 0.9 } }', 'video.hdr: `keep` needs a rung'],
    ['video: { rungs: [], quality: { ssim: 1 } }', 'video.quality.ssim'],
    ['video: { rungs: [], preview: { width: 320, scenes: 11 } }', 'video.preview.scenes'],
    ['video: { rungs: [], preview: { scenes: 3 } }', 'video.preview.width'],
    ['{}', 'needs image or video'],
    ['image: [', 'presets/mine.yaml'],
  ])('%s is refused with the place: %s', (yaml, place) => {
    expect(() => parsePreset('mine', yaml)).toThrow(place);
  });

  test('an unknown name says which there are', async () => {
    await expect(loadPreset(folder, '../web')).rejects.toMatchObject({
      type: 'InvalidJob',
      message: expect.stringContaining('web') as string,
    });
  });

  test('the recipe changes with what is made, not with the order of keys or the other kind', () => {
    const a = parsePreset('a', 'image: { renditions: [{ name: x, format: webp, width: 100 }] }');
    const b = parsePreset('b', 'image: { renditions: [{ width: 100, format: webp, name: x }], colour: srgb }');
    const c = parsePreset('c', 'image: { renditions: [{ name: x, format: webp, width: 101 }] }');
    expect(recipeHash(a, 'image')).toBe(recipeHash(b, 'image'));
    expect(recipeHash(a, 'image')).not.toBe(recipeHash(c, 'image'));
    expect(recipeHash(a, 'image')).toMatch(/^[0-9a-f]{10}$/);
  });

  test('a rule for caches is checked, is no preset by itself, and changes the recipe of every kind', () => {
    const image = 'image: { renditions: [{ name: x, format: webp, width: 100 }] }';
    const without = parsePreset('a', image);
    const short = parsePreset('a', `${image}\ncacheControl: max-age=60`);
    expect(short.cacheControl).toBe('max-age=60');
    expect(recipeHash(short, 'image')).not.toBe(recipeHash(without, 'image'));
    expect(withOptions(short, { quality: 50 }).cacheControl).toBe('max-age=60');
    expect(() => parsePreset('a', `${image}\ncacheControl: a while`)).toThrow(
      'cacheControl: "a while" is none of public',
    );
    expect(() => parsePreset('a', 'cacheControl: no-store')).toThrow('needs image or video or audio');
  });
});

test('a job may ask for a part of a video: the recipe of its videos changes, and no other', async () => {
  const web = await loadPreset(folder, 'web');
  const part = withOptions(web, { start: 2, end: 9.5 });
  expect(part.video).toMatchObject({ start: 2, end: 9.5 });
  expect(recipeHash(part, 'video')).not.toBe(recipeHash(web, 'video'));
  expect(recipeHash(part, 'image')).toBe(recipeHash(web, 'image'));
  expect(() => withOptions(web, { start: 9.5, end: 2 })).toThrow('options.end: is at least 0.1 s behind `start`');
  const avif = await loadPreset(folder, 'avif');
  expect(() => withOptions(avif, { start: 2 })).toThrow('the preset "avif" makes no videos');
  expect(() => withOptions(avif, { start: 2 })).toThrow('these options are for videos');
});

test('a process that stays up sees an edited preset, and the place of a mistake in it, at the next call', async () => {
  const own = await mkdtemp(path.join(os.tmpdir(), 'presets-'));
  const write = (field: string) =>
    writeFile(path.join(own, 'mine.yaml'), `image:\n  renditions:\n    - { name: a, format: webp, ${field} }\n`);
  const presets = presetsOf(own);
  try {
    await write('width: 640');
    const first = await presets('mine');
    expect(await presets('mine')).toBe(first);
    await write('width: 320');
    expect((await presets('mine')).image?.renditions[0]).toMatchObject({ width: 320 });
    await write('widht: 100');
    await expect(presets('mine')).rejects.toThrow(/presets\/mine\.yaml: image\.renditions\[0\].*widht/);
    await write('width: 100');
    expect((await presets('mine')).image?.renditions[0]).toMatchObject({ width: 100 });
    await expect(presets('../mine')).rejects.toThrow('There is no preset');
  } finally {
    await rm(own, { recursive: true });
  }
});
