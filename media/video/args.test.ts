import { encodeCommand, expectedFrames, ffprobeArgs, jpegScale, posterCommand, spriteCommand } from './args';
import { DECODER_OPTIONS } from './decoders';
import { encodeFilters, spriteFilters } from './filters';
import { commandLine } from './ffmpeg';
import type { MediaProbe, RungPlan, SpritePlan, VideoStream } from './types';

const video: VideoStream = {
  index: 0,
  codec: 'h264',
  width: 1280,
  height: 720,
  displayWidth: 1280,
  displayHeight: 720,
  rotation: 0,
  sar: '1:1',
  fps: '30/1',
  variableRate: false,
  pixFmt: 'yuv420p',
  interlaced: false,
  hdr: false,
  colour: { range: 'tv', matrix: 'bt709', primaries: 'bt709', transfer: 'bt709' },
  durationSeconds: 4,
  frames: 120,
  framesEstimated: false,
};
const probe: MediaProbe = {
  format: 'mp4',
  durationSeconds: 4,
  video,
  audio: { index: 2, codec: 'aac', channels: 6, sampleRate: 44_100 },
  streams: 3,
};
const rung: RungPlan = {
  name: '360p',
  width: 640,
  height: 360,
  gop: 60,
  crf: 23,
  maxrate: 800,
  bufsize: 1600,
  speed: 'veryfast',
  audioBitrate: 96,
};
const sprite: SpritePlan = {
  interval: 1,
  tiles: 4,
  columns: 4,
  rows: 1,
  sheets: 1,
  width: 160,
  height: 90,
  quality: 70,
};
const DAY = 86_400_000;
const encode = (changes: Partial<RungPlan> = {}, of = probe) =>
  commandLine(encodeCommand('/in', '/out.part', of, { ...rung, ...changes }, 1, DAY));

/** The words that follow `option`, at each place where it stands. */
const values = (args: string[], option: string) => args.flatMap((arg, at) => (arg === option ? [args[at + 1]] : []));

test('the whole command line of an encode, word by word, as fluent-ffmpeg assembles it', () => {
  const whitelists =
    '-protocol_whitelist file,pipe -format_whitelist mov,mp4,matroska,webm,avi,flv,asf,mpeg,mpegvideo,mpegts,ogg ' +
    `${DECODER_OPTIONS.join(' ')} -max_pixels 36000000`;
  expect(encode().join(' ')).toBe(
    '-hide_banner -nostdin -y -v error -nostats -progress pipe:1 -filter_threads 1 -filter_complex_threads 1 ' +
      `${whitelists} -threads 1 -xerror -err_detect explode -i file:/in ` +
      '-map 0:0 -map 0:2 -filter:v scale=640:360:flags=bicubic:out_range=tv,setsar=1,format=yuv420p ' +
      '-c:v libx264 -preset veryfast -profile:v high -crf 23 -maxrate 800k -bufsize 1600k ' +
      '-g 60 -sc_threshold 0 -force_key_frames expr:gte(t,n_forced*2) -c:a aac -b:a 96k -ar 48000 -ac 2 ' +
      '-map_metadata -1 -map_chapters -1 -movflags +faststart -threads 1 -f mp4 -t 6.200 file:/out.part',
  );
});

test('for HLS: keyframes by count, both tracks from zero', () => {
  const args = encode({ fps: '30/1', fixedGop: true });
  expect(values(args, '-filter:v')[0]).toMatch(/^fps=30\/1:start_time=0,/);
  expect(values(args, '-filter:a')).toEqual(['aresample=48000:async=1:first_pts=0']);
  expect([values(args, '-g'), values(args, '-keyint_min')]).toEqual([['60'], ['60']]);
  expect(args).not.toContain('-force_key_frames');
});

test('without sound, no stream of sound is named', () => {
  const silent = encode({ audioBitrate: undefined });
  expect(values(silent, '-map')).toEqual(['0:0']);
  expect(silent).not.toContain('-c:a');
});

test.each(["/a b/it's", '/-i', '/%d.mp4', '/ä/日本', '/a:b,c;[d]', '/"q"', '/a\\b', '/concat:x|y'])(
  'a path stays one argument, whole, and in no filter: %s',
  (path) => {
    const command = commandLine(encodeCommand(path, `${path}.part`, probe, rung, 1, DAY));
    expect(command.filter((arg) => arg.includes(path))).toEqual([`file:${path}`, `file:${path}.part`]);
    expect(ffprobeArgs(path).filter((arg) => arg.includes(path))).toEqual([`file:${path}`]);
  },
);

test('every call that opens a source has its whitelists and limits before it', () => {
  const poster = { format: 'webp' as const, width: 640, height: 360, quality: 80, candidates: [1] };
  for (const args of [
    encode(),
    commandLine(posterCommand('/in', { picture: '/p', sample: '/s' }, probe, poster, 1, 1, DAY)),
    commandLine(spriteCommand('/in', '/s%d', probe, sprite, 1, DAY)),
    ffprobeArgs('/in'),
  ]) {
    const input = args.indexOf('file:/in');
    const options = ['-protocol_whitelist', '-format_whitelist', '-codec_whitelist:v', '-codec_whitelist:a'];
    for (const option of [...options, '-max_pixels']) {
      expect(args.indexOf(option)).toBeGreaterThanOrEqual(0);
      expect(args.indexOf(option)).toBeLessThan(input);
    }
  }
});

describe('filters of an encode', () => {
  test.each<[string, Partial<VideoStream>, Partial<RungPlan>, string | RegExp]>([
    ['a lower rate comes before the scaling', {}, { fps: '15/1' }, /^fps=15\/1,scale=/],
    ['interlaced pictures are woven apart first', { interlaced: true }, {}, /^yadif=deint=interlaced,scale=/],
    [
      'an unstated matrix is written down as players guess it for the source',
      { colour: {} },
      {},
      /setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709$/,
    ],
    ['… by lines', { colour: {}, height: 480 }, {}, /setparams=colorspace=smpte170m/],
    [
      'RGB gets a matrix',
      { colour: { matrix: 'gbr' }, pixFmt: 'gbrp' },
      {},
      /out_color_matrix=smpte170m.*colorspace=smpte170m/,
    ],
    [
      'HDR is tonemapped at the size of the output',
      { hdr: true },
      {},
      /^scale=640:360:.*zscale=t=linear.*tonemap.*,format=yuv420p$/,
    ],
    [
      'untagged HDR gets what zscale needs',
      { hdr: true, colour: {} },
      {},
      /^setparams=color_primaries=bt2020:colorspace=bt2020nc:range=tv,/,
    ],
  ])('%s', (_, changes, more, expected) => {
    expect(encodeFilters({ ...video, ...changes }, { ...rung, ...more })).toMatch(expected);
  });
});

test('a sprite takes one picture an interval, holds the last one, and lays them in a grid', () => {
  expect(spriteFilters(video, { ...sprite, interval: 3 })).toBe(
    'tpad=stop_mode=clone:stop_duration=3,fps=1/3,trim=end_frame=4,' +
      'scale=160:90:flags=bicubic:out_range=pc,setsar=1,format=yuvj420p,tile=4x1',
  );
});

test.each([
  [100, '2'],
  [70, '11'],
  [1, '31'],
])('JPEG quality %s is mjpeg %s', (quality, scale) => expect(jpegScale(quality)).toBe(scale));

test('an encode is expected to have the frames of the source, or of the lower rate', () => {
  expect([expectedFrames(probe, rung), expectedFrames(probe, { ...rung, fps: '15/1' })]).toEqual([120, 60]);
});
