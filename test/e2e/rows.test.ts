/** Each row of the tables of codecs and formats, from submission to the published file: real server, worker, sharp and ffmpeg. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { KINDS, type MediaKind } from '../../common/kinds';
import { taskQueue } from '../../common/pools';
import { AUDIO_CODEC_NAMES } from '../../media/audio/codecs';
import { formatRow, IMAGE_FORMAT_NAMES } from '../../media/formats';
import { parsePreset } from '../../media/presets';
import { sniffFile } from '../../media/sniff';
import { CODEC_NAMES, CODECS } from '../../media/video/codecs';
import { fileUri } from '../../storage';
import { clipFolder, ffmpeg, picture, sound, streamsOf, X264 } from '../support/clips';
import { checkedManifest, labItem } from '../support/lab';
import { startStack, type Stack } from '../support/stack';

const PRESET = parsePreset(
  'rows',
  `
image:
  renditions: [${IMAGE_FORMAT_NAMES.map((format) => `{ name: r-${format}, format: ${format}, width: 64 }`).join(', ')}]
video:
  rungs: [${CODEC_NAMES.map((codec) => `{ name: r-${codec}, codec: ${codec}, height: 90, crf: 35, maxrate: 200, speed: ultrafast, audioBitrate: 64 }`).join(', ')}]
audio:
  renditions: [${AUDIO_CODEC_NAMES.map((codec) => `{ name: r-${codec}, codec: ${codec}, bitrate: 64 }`).join(', ')}]
`,
);

const clips = clipFolder();
let stack: Stack;
const folder = (kind: MediaKind): string => path.join(stack.home, 'out', kind);

beforeAll(async () => {
  stack = await startStack();
  const inside = path.join(stack.home, 'in');
  await mkdir(inside);
  const sources: Record<MediaKind, string> = {
    image: path.join(inside, 'a.png'),
    video: ffmpeg(`${picture('160x90', 1)} ${sound(1)} ${X264} -c:a aac`, path.join(inside, 'a.mp4')),
    audio: ffmpeg(sound(1), path.join(inside, 'a.wav')),
  };
  await sharp({ create: { width: 128, height: 96, channels: 3, background: '#3b82f6' } }).toFile(sources.image);
  await stack.worker();
  const start = (kind: MediaKind, source: string) =>
    stack.client.workflow.execute(KINDS[kind].workflow, {
      workflowId: `rows/${kind}`,
      taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
      args: [labItem(source, { kind, itemKey: kind, preset: PRESET, output: fileUri(folder(kind)) })],
    });
  await Promise.all(Object.entries(sources).map(([kind, source]) => start(kind as MediaKind, source)));
}, 120_000);
afterAll(async () => {
  await stack.stop();
  clips.remove();
});

test.each(IMAGE_FORMAT_NAMES)('a rendition in %s', async (format) => {
  const found = (await checkedManifest(folder('image'))).renditions.find(({ name }) => name === `r-${format}`);
  const { mime } = formatRow(format);
  expect(found).toMatchObject({ mime, width: 64, height: 48 });
  expect(await sniffFile(path.join(folder('image'), found!.path))).toMatchObject({ mime });
});

test.each(CODEC_NAMES)('a rung in %s', async (codec) => {
  const found = (await checkedManifest(folder('video'))).renditions.find(({ name }) => name === `r-${codec}`);
  expect(found).toMatchObject({ mime: 'video/mp4', width: 160, height: 90, frames: 25 });
  expect(found?.codecs).toMatch(new RegExp(`^${CODECS[codec].entry}\\..*, mp4a\\.40\\.2$`));
  const [pictures] = streamsOf(path.join(folder('video'), found!.path));
  expect(pictures).toMatchObject({ codec_name: CODECS[codec].passThrough.codec, nb_read_frames: '25' });
});

test.each(AUDIO_CODEC_NAMES)('sound in %s', async (codec) => {
  const found = (await checkedManifest(folder('audio'))).renditions.find(({ name }) => name === `r-${codec}`);
  const [stream] = streamsOf(path.join(folder('audio'), found!.path));
  expect(stream).toMatchObject({ codec_type: 'audio', codec_name: codec });
});
