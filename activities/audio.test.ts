import { mkdtemp, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { WorkItem } from '../common/contracts';
import { loadPreset, parsePreset, recipeHash } from '../media/presets';
import { ffmpeg, picture, sound, X264 } from '../test/support/clips';
import { attempt, checkedManifest, environmentOf, filesOf, labItem, openLab, type Lab } from '../test/support/lab';
import { makeAudio } from './audio';
import { makeVideo } from './make-video';

let lab: Lab;
let folder: string;

beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());
beforeEach(async () => {
  folder = await mkdtemp(path.join(lab.root, 'case-'));
});

const PRESET = parsePreset(
  'sound',
  `
video:
  rungs: [{ name: 90p, height: 90, crf: 30, maxrate: 200, speed: ultrafast, audioBitrate: 64 }]
audio:
  loudness: { integrated: -16 }
  renditions: [{ name: high, codec: aac, bitrate: 96 }, { name: low, codec: opus, bitrate: 48 }]
  waveform: { width: 200, height: 40, colour: '#808080' }
  poster: { format: jpeg, width: 64, quality: 70 }
  metadata: keep
`,
);
const at = (name: string): string => path.join(folder, name);
const itemOf = (file: string, over: Partial<WorkItem> = {}): WorkItem =>
  labItem(file, { kind: 'audio', preset: PRESET, recipe: recipeHash(PRESET, 'audio'), ...over });

/** An MP3 of a tone with a cover that is not yet one. */
async function song(cover: Buffer): Promise<string> {
  await writeFile(at('cover.jpg'), cover);
  const words = `${sound(2)} -i ${at('cover.jpg')} -map 0 -map 1 -c:v copy -disposition:v attached_pic -metadata title=Tone`;
  return ffmpeg(words, at('song.mp3'));
}
const red = () =>
  sharp({ create: { width: 300, height: 200, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();

test('one activity makes and publishes everything, with what the sound is in the manifest', async () => {
  const item = itemOf(await song(await red()));
  const result = await attempt(() => makeAudio(lab.deps, item));
  const manifest = await checkedManifest(at('out'));
  expect(result).toMatchObject({ renditions: 5 });
  expect(result.kind).toBeUndefined();
  expect(manifest).toMatchObject({
    kind: 'audio',
    preset: { name: 'sound', recipe: recipeHash(PRESET, 'audio') },
    source: { format: 'mp3', audio: { codec: 'mp3', channels: 1, sampleRate: 44_100 }, tags: { title: 'Tone' } },
    placeholder: { dominant: expect.stringMatching(/^#f/) as string },
    warnings: [],
  });
  expect(manifest.source.durationSeconds).toBeCloseTo(2, 1);
  expect(manifest.source.audio?.loudness?.integrated).toBeLessThan(-17);
  expect(manifest.source.width).toBeUndefined();
  expect(manifest.renditions.map(({ name, role, mime }) => [name, role, mime])).toEqual([
    ['high', 'audio', 'audio/mp4'],
    ['low', 'audio', 'audio/ogg'],
    ['waveform', 'waveform', 'image/png'],
    ['peaks', 'waveform', 'application/json'],
    ['poster', 'poster', 'image/jpeg'],
  ]);
  expect(manifest.renditions.at(-1)).toMatchObject({ width: 64, height: 43 });
  expect(manifest.renditions[1]?.path).toMatch(/\.opus$/);
  expect(Object.keys(manifest.timings)).toEqual(
    expect.arrayContaining(['fetch', 'probe', 'measure', 'encode', 'poster']),
  );
});

test('a cover that is no picture, or too large, costs the poster and not the sound', async () => {
  const item = itemOf(await song(await red()));
  const { config } = lab.deps;
  const small = { ...lab.deps, config: { ...config, maxPixels: 1000 } };
  await attempt(() => makeAudio(small, item));
  const { warnings, renditions } = await checkedManifest(at('out'));
  expect(warnings).toEqual([expect.stringMatching(/^There is no poster, because the cover cannot be used: .*pixels/)]);
  expect(renditions.map(({ name }) => name)).toEqual(['high', 'low', 'waveform', 'peaks']);
});

test('a broken source publishes nothing', async () => {
  const file = ffmpeg(`${sound(5)} -c:a flac`, at('broken.flac'));
  await truncate(file, 20_000);
  const failure = attempt(() => makeAudio(lab.deps, itemOf(file)));
  await expect(failure).rejects.toMatchObject({ type: 'CorruptMedia', nonRetryable: true });
  expect(await filesOf(at('out'))).toEqual({});
});

test('an attempt that is cancelled while it encodes leaves nothing', async () => {
  const file = ffmpeg(`${sound(120)} -c:a flac`, at('long.flac'));
  const environment = environmentOf();
  const slow = {
    ...lab.deps,
    metrics: Object.assign(Object.create(lab.deps.metrics) as typeof lab.deps.metrics, {
      darkroom_stage_duration_seconds: {
        // The first pass has ended, and the second begins.
        observe: ({ stage }: { stage: string }) => void (stage === 'measure' && environment.cancel()),
      },
    }),
  };
  const work = attempt(() => makeAudio(slow, itemOf(file)), { environment });
  await expect(work).rejects.toThrow('CANCELLED');
  expect(await filesOf(at('out'))).toEqual({});
});

test('an MP4 without pictures is made as audio by the activity of videos', async () => {
  const file = ffmpeg(`${sound(2)} -c:a ac3`, at('sound.mp4'));
  const item = itemOf(file, { kind: 'video', recipe: recipeHash(PRESET, 'video') });
  const outcome = await attempt(() => makeVideo(lab.deps, item));
  expect(outcome).toMatchObject({ result: { kind: 'audio', renditions: 4 } });
  expect(await checkedManifest(at('out'))).toMatchObject({
    kind: 'audio',
    preset: { recipe: recipeHash(PRESET, 'audio') },
    source: { format: 'mp4' },
  });
  // An answer that was lost: the next attempt says the same.
  expect(await attempt(() => makeVideo(lab.deps, item), { attempt: 2 })).toEqual(outcome);
});

test('a preset for videos alone refuses an MP4 without pictures', async () => {
  const file = ffmpeg(`${sound(1)} -c:a aac`, at('sound.mp4'));
  const preset = { name: PRESET.name, video: PRESET.video };
  const failure = attempt(() => makeVideo(lab.deps, itemOf(file, { kind: 'video', preset })));
  await expect(failure).rejects.toMatchObject({ type: 'UnsupportedMedia', message: 'The file has no video in it.' });
});

test('a video with pictures stays a video', async () => {
  const file = ffmpeg(`${picture('160x90', 1)} ${sound(1)} ${X264} -c:a aac`, at('film.mp4'));
  const outcome = await attempt(() => makeVideo(lab.deps, itemOf(file, { kind: 'video' })));
  expect(outcome).toMatchObject({ result: { renditions: 1 } });
  expect((await checkedManifest(at('out'))).kind).toBe('video');
});

test('the default preset has a section for sound', async () => {
  expect((await loadPreset('presets', 'web')).audio?.renditions.map(({ codec }) => codec)).toEqual(['aac', 'opus']);
});
