import type { VideoPreset } from '../../presets/schema';
import { planVideo } from './plan';
import { toProbe } from '../probe/probe-facts';
import type { MediaProbe } from '../types';

const web: VideoPreset = {
  audio: 'optional',
  rungs: [
    { name: '720p', height: 720, crf: 23, maxrate: 3000, speed: 'veryfast', audioBitrate: 128 },
    { name: '360p', height: 360, crf: 23, maxrate: 800, speed: 'veryfast', audioBitrate: 96 },
  ],
  poster: { format: 'webp', width: 1280, quality: 80 },
  sprite: { width: 160, columns: 5, rows: 5, quality: 70 },
};

interface Facts {
  width: number;
  height: number;
  sar?: string;
  rotation?: number;
  rate?: string;
  grid?: string;
  seconds?: number;
  kbps?: number;
  sound?: boolean;
}

/** A probe by way of ffprobe's JSON, so that the display size comes from the real rule. */
function probe(facts: Facts): MediaProbe {
  const { width, height, sar = '1:1', rotation = 0, rate = '30/1', grid = rate, seconds = 10, kbps, sound } = facts;
  const video = {
    index: 0,
    codec_type: 'video',
    codec_name: 'h264',
    width,
    height,
    sample_aspect_ratio: sar,
    avg_frame_rate: rate,
    r_frame_rate: grid,
    duration: String(seconds),
    side_data_list: rotation ? [{ rotation: -rotation }] : [],
    bit_rate: kbps === undefined ? undefined : String(kbps * 1000),
  };
  const audio = { index: 1, codec_type: 'audio', codec_name: 'aac', channels: 1, sample_rate: '44100' };
  const result = toProbe({ streams: sound ? [video, audio] : [video], format: {} }, 'mp4');
  if (result === undefined) throw new Error('no probe');
  return result;
}

const sizes = (facts: Facts) => planVideo(probe(facts), web).rungs.map((rung) => `${rung.width}x${rung.height}`);

describe('rungs', () => {
  test.each<[string, Facts, string[]]>([
    ['the same size', { width: 1280, height: 720 }, ['1280x720', '640x360']],
    ['larger', { width: 3840, height: 2160 }, ['1280x720', '640x360']],
    ['between two rungs: its own size too', { width: 848, height: 480 }, ['848x480', '640x360']],
    ['… upright', { width: 480, height: 848 }, ['480x848', '360x640']],
    ['just above a rung: that rung only', { width: 672, height: 378 }, ['640x360']],
    ['hardly larger than a rung of 16:9: not wider than it is', { width: 720, height: 408 }, ['720x408', '640x360']],
    ['a rung of the very size', { width: 640, height: 360 }, ['640x360']],
    ['portrait: the short side decides', { width: 1080, height: 1920 }, ['720x1280', '360x640']],
    ['turned by a quarter', { width: 1920, height: 1080, rotation: 90 }, ['720x1280', '360x640']],
    ['turned by a quarter the other way', { width: 1920, height: 1080, rotation: 270 }, ['720x1280', '360x640']],
    ['upside down', { width: 1280, height: 720, rotation: 180 }, ['1280x720', '640x360']],
    ['wide pixels', { width: 640, height: 360, sar: '2:1' }, ['1280x360']],
    ['narrow pixels (PAL 4:3)', { width: 720, height: 576, sar: '16:15' }, ['768x576', '480x360']],
    ['wide pixels, turned', { width: 640, height: 360, sar: '2:1', rotation: 90 }, ['360x1280']],
    ['smaller than every rung: the lowest stays, at the size of the source', { width: 320, height: 180 }, ['320x180']],
    ['odd: even, and not larger', { width: 321, height: 241 }, ['320x240']],
    ['odd after scaling', { width: 1366, height: 768 }, ['1280x720', '640x360']],
    ['cinema', { width: 1920, height: 804 }, ['1720x720', '860x360']],
    ['a strip', { width: 10_000, height: 20 }, ['10000x20']],
    ['one pixel', { width: 1, height: 1 }, ['2x2']],
  ])('%s', (_, facts, expected) => {
    expect(sizes(facts)).toEqual(expected);
  });

  test.each<[string, Facts, (string | undefined)[], number[]]>([
    ['30 stays', { width: 1280, height: 720, rate: '30/1' }, [undefined, undefined], [60, 60]],
    ['NTSC stays', { width: 1280, height: 720, rate: '30000/1001' }, [undefined, undefined], [60, 60]],
    ['60 stays above 540 lines only', { width: 1280, height: 720, rate: '60/1' }, [undefined, '30/1'], [120, 60]],
    ['59.94 is halved', { width: 1280, height: 720, rate: '60000/1001' }, [undefined, '30000/1001'], [120, 60]],
    ['50 is halved, not cut to 30', { width: 1280, height: 720, rate: '50/1' }, [undefined, '25/1'], [100, 50]],
    ['120 becomes 60 and 30', { width: 1280, height: 720, rate: '120/1' }, ['60/1', '30/1'], [120, 60]],
    ['slow motion', { width: 1280, height: 720, rate: '240/1' }, ['60/1', '30/1'], [120, 60]],
    ['a slide a second', { width: 1280, height: 720, rate: '1/1' }, [undefined, undefined], [2, 2]],
    [
      'a variable rate gets a grid',
      { width: 1280, height: 720, rate: '7/1', grid: '120/1' },
      ['30/1', '30/1'],
      [60, 60],
    ],
    ['a fast variable rate', { width: 1280, height: 720, rate: '45/1', grid: '120/1' }, ['60/1', '30/1'], [120, 60]],
    [
      'a field rate is not variable',
      { width: 1280, height: 720, rate: '25/1', grid: '50/1' },
      [undefined, undefined],
      [50, 50],
    ],
  ])('rate: %s', (_, facts, fps, gop) => {
    const { rungs } = planVideo(probe(facts), web);
    expect(rungs.map((rung) => rung.fps)).toEqual(fps);
    expect(rungs.map((rung) => rung.gop)).toEqual(gop);
  });

  test.each([
    [undefined, [3000, 800]],
    [5000, [3000, 800]],
    [1000, [1300, 800]],
    [400, [520, 520]],
    [20, [150, 150]],
  ])('a source of %s kbit/s caps the rungs at %s', (kbps, caps) => {
    const { rungs } = planVideo(probe({ width: 1280, height: 720, kbps }), web);
    expect(rungs.map((rung) => rung.maxrate)).toEqual(caps);
    expect(rungs.map((rung) => rung.bufsize)).toEqual(caps.map((cap) => 2 * cap));
  });

  test('sound is there when the source has it and the preset wants it', () => {
    const audio = (sound: boolean, wish: VideoPreset['audio']) =>
      planVideo(probe({ width: 640, height: 360, sound }), { ...web, audio: wish }).rungs[0]?.audioBitrate;
    expect([audio(true, 'optional'), audio(true, 'drop'), audio(false, 'optional')]).toEqual([
      96,
      undefined,
      undefined,
    ]);
  });
});

describe('poster', () => {
  test.each([
    [100, [10, 25, 50, 75, 35, 90]],
    [2, [0.2, 0.5, 1, 1.5, 0.7, 1.8]],
    [0.2, [0.05, 0.1, 0.15, 0.07, 0.18]],
    [0.04, [0]],
  ])('of %s s: candidates at %s s, never frame 0 of a video that has others', (seconds, candidates) => {
    expect(planVideo(probe({ width: 640, height: 360, seconds }), web).poster?.candidates).toEqual(candidates);
  });

  test('is upright, square-pixelled and not enlarged', () => {
    const poster = (facts: Facts) => planVideo(probe(facts), web).poster;
    expect(poster({ width: 1920, height: 1080, rotation: 90 })).toMatchObject({ width: 1080, height: 1920 });
    expect(poster({ width: 3840, height: 2160 })).toMatchObject({ width: 1280, height: 720 });
    expect(poster({ width: 321, height: 241 })).toMatchObject({ width: 320, height: 240 });
  });
});

describe('sprite', () => {
  test.each([
    [0.4, { interval: 1, tiles: 1, columns: 1, rows: 1, sheets: 1 }],
    [3, { interval: 1, tiles: 3, columns: 3, rows: 1, sheets: 1 }],
    [3.02, { interval: 1, tiles: 3, columns: 3, rows: 1, sheets: 1 }],
    [7.5, { interval: 1, tiles: 8, columns: 5, rows: 2, sheets: 1 }],
    [60, { interval: 1, tiles: 60, columns: 5, rows: 5, sheets: 3 }],
    [100, { interval: 1, tiles: 100, columns: 5, rows: 5, sheets: 4 }],
    [101, { interval: 2, tiles: 51, columns: 5, rows: 5, sheets: 3 }],
    [21_600, { interval: 216, tiles: 100, columns: 5, rows: 5, sheets: 4 }],
  ])('of %s s', (seconds, expected) => {
    expect(planVideo(probe({ width: 1280, height: 720, seconds }), web).sprite).toMatchObject({
      ...expected,
      width: 160,
      height: 90,
    });
  });
});

test('what the preset leaves out is not planned', () => {
  const plan = planVideo(probe({ width: 640, height: 360 }), { audio: 'drop', rungs: web.rungs });
  expect(Object.keys(plan)).toEqual(['rungs']);
});

test.each<[string, Facts & { pixFmt?: string }, boolean]>([
  ['H.264 of the rung’s size under its cap', { width: 1280, height: 720, kbps: 2000, pixFmt: 'yuv420p' }, true],
  ['over the cap', { width: 1280, height: 720, kbps: 5000, pixFmt: 'yuv420p' }, false],
  ['an unknown bitrate', { width: 1280, height: 720, pixFmt: 'yuv420p' }, false],
  ['4:4:4', { width: 1280, height: 720, kbps: 2000, pixFmt: 'yuv444p' }, false],
  ['rotated', { width: 720, height: 1280, rotation: 90, kbps: 2000, pixFmt: 'yuv420p' }, false],
  ['a rate that is lowered', { width: 1280, height: 720, rate: '120/1', kbps: 2000, pixFmt: 'yuv420p' }, false],
  ['larger than the rung', { width: 1920, height: 1080, kbps: 2000, pixFmt: 'yuv420p' }, false],
])('%s: passed through %s', (_what, { pixFmt, ...facts }, expected) => {
  const made = probe(facts);
  const frames = { framesEstimated: false, pixFmt: pixFmt ?? '' };
  const plan = planVideo({ ...made, video: { ...made.video, ...frames } }, web);
  expect(plan.rungs[0]?.copy ?? false).toBe(expected);
  expect(plan.rungs[1]?.copy ?? false).toBe(false);
});
