import { expectedFrames } from './check/complete';
import { compose, type Composition } from './compose';
import { ffprobeArgs, jpegScale } from './ffmpeg/command';
import { DECODER_OPTIONS } from './ffmpeg/decoders';
import { commandLine } from './ffmpeg/run';
import type { Branch } from './outputs/branch';
import { rungFilters, spriteFilters } from './outputs/filters';
import { posterBranch, seekCommand } from './outputs/poster';
import { rungBranch } from './outputs/rung';
import { spriteBranch } from './outputs/sprite';
import { settings } from '../../test/support/clips';
import type { MediaProbe, PosterPlan, RungPlan, SpritePlan, VideoStream } from './types';

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
const poster: PosterPlan = { format: 'webp', width: 640, height: 360, quality: 80, candidates: [0.4, 1, 2] };
const DAY = 86_400_000;
const command = (branches: Branch[], more: Partial<Composition> = {}) =>
  commandLine(
    compose({
      ...{
        input: '/in',
        probe,
        branches,
        threads: 1,
        maxDuration: DAY,
        partOf: (name: string) => `/work/${name}.part`,
      },
      ...more,
    }),
  );
const encode = (changes: Partial<RungPlan> = {}, of = probe) => command([rungBranch(of, { ...rung, ...changes })]);

/** The words that follow `option`, at each place where it stands. */
const values = (args: string[], option: string) => args.flatMap((arg, at) => (arg === option ? [args[at + 1]] : []));

/** The filters that fit pictures in, as if they were one: `fit=640:360:flags=bicubic`. */
const short = (graph: string) =>
  graph.replace(/scale=w='[^']*':h='[^']*'(:flags=[^,]*?)(:eval=frame)?,pad=(\d+:\d+):-1:-1\2/g, 'fit=$3$1');
const graphOf = (args: string[]) => short(values(args, '-filter_complex')[0] ?? '');
/** Names of the files of all outputs, in order. */
const files = (args: string[]) => args.flatMap((arg) => /^file:\/work\/(.*)\.part$/.exec(arg)?.[1] ?? []);

/** Of six channels two, by the coefficients of ITU-R BS.775, without a way to clip. */
const STEREO =
  'aresample=48000:clev=0.707107:slev=0.707107:lfe_mix_level=0:rematrix_maxval=1,aformat=channel_layouts=stereo';

test('the whole command line of one rung, word by word, as fluent-ffmpeg assembles it', () => {
  const whitelists =
    '-protocol_whitelist file,pipe -format_whitelist mov,mp4,matroska,webm,avi,flv,asf,mpeg,mpegvideo,mpegts,ogg,mxf,dv,h264,hevc ' +
    `${DECODER_OPTIONS.join(' ')} -max_pixels 36000000`;
  expect(short(encode().join(' '))).toBe(
    '-hide_banner -nostdin -y -v error -nostats -progress pipe:1 -filter_threads 1 -filter_complex_threads 1 ' +
      `${whitelists} -threads 1 -xerror -err_detect explode -reinit_filter 0 -i file:/in ` +
      '-filter_complex [0:0]fit=640:360:flags=bicubic:out_range=tv,setsar=1,format=yuv420p[rung-360p] ' +
      '-map [rung-360p] -map 0:2 -c:v libx264 -tag:v avc1 -preset:v veryfast -profile:v high -crf:v 23 -maxrate:v 800k ' +
      '-bufsize:v 1600k -g:v 60 -sc_threshold:v 0 -force_key_frames:v expr:gte(t,n_forced*2) -x264-params:v stitchable=1 ' +
      `-c:a aac -b:a 96k -ar 48000 -ac 2 -filter:a ${STEREO} ` +
      '-map_metadata -1 -map_chapters -1 -movflags +faststart -threads 1 -f mp4 -t 6.200 file:/work/360p.mp4.part',
  );
});

test('for HLS: keyframes by count, both tracks from zero', () => {
  const args = encode({ fps: '30/1', fixedGop: true });
  expect(graphOf(args)).toMatch(/^\[0:0\]fps=30\/1:start_time=0,/);
  expect(values(args, '-filter:a')).toEqual([`aresample=48000:async=1:first_pts=0,${STEREO}`]);
  expect([values(args, '-g:v'), values(args, '-keyint_min:v')]).toEqual([['60'], ['60']]);
  expect(args).not.toContain('-force_key_frames:v');
});

test('without sound, no stream of sound is named', () => {
  const silent = encode({ audioBitrate: undefined });
  expect(values(silent, '-map')).toEqual(['[rung-360p]']);
  expect(silent).not.toContain('-c:a');
});

describe('one decode for many outputs', () => {
  const large: RungPlan = { ...rung, name: '720p', width: 1280, height: 720, audioBitrate: 128 };
  const all = (of = probe) => [
    rungBranch(of, large),
    rungBranch(of, rung),
    posterBranch(poster),
    spriteBranch(of, sprite, ({ name }) => name),
  ];
  const withVideo = (changes: Partial<VideoStream>) => ({ ...probe, video: { ...video, ...changes } });

  test('one input, split once; each branch has its tail, and the films come first', () => {
    const args = command(all());
    expect(values(args, '-i')).toEqual(['file:/in']);
    expect(
      graphOf(args)
        .split(';')
        .map((chain) => chain.replace(/(?<=[a-z])[,=:].*?(?=\[|$)/, '…')),
    ).toEqual([
      '[0:0]split…[source-0][source-1][source-2][source-3]',
      '[source-0]fit…[rung-720p]',
      '[source-1]fit…[rung-360p]',
      '[source-2]split…[poster-one][poster-near]',
      '[poster-one]trim…[poster][poster-small]',
      '[poster-small]scale…[poster-sample]',
      '[poster-near]select…[poster-around]',
      '[source-3]tpad…[sprite]',
    ]);
    expect(files(args)).toEqual([
      '720p.mp4',
      '360p.mp4',
      'poster.webp',
      'poster.grey',
      'poster.around',
      'sprite-%d.jpg',
    ]);
    expect(args.filter((arg) => arg === '-t')).toHaveLength(6);
  });

  test('interlaced pictures are woven apart once, before the split', () => {
    const of = withVideo({ interlaced: true });
    expect(graphOf(command(all(of), { probe: of }))).toMatch(/^\[0:0\]yadif=deint=interlaced,split=4/);
    expect(graphOf(command(all(of), { probe: of })).match(/yadif/g)).toHaveLength(1);
  });

  test('HDR is tonemapped once for all rungs, at the largest size; poster and sprite do it for their few pictures', () => {
    const of = withVideo({
      hdr: true,
      colour: { transfer: 'smpte2084', matrix: 'bt2020nc', primaries: 'bt2020', range: 'tv' },
    });
    const chains = graphOf(command(all(of), { probe: of })).split(';');
    expect(
      chains.filter((chain) => chain.includes('tonemap=')).map((chain) => chain.match(/fit=\d+:\d+/)?.[0]),
    ).toEqual(['fit=640:360', 'fit=160:90', 'fit=1280:720']);
    expect(chains.at(-1)).toBe('[sdr-1]fit=640:360:flags=bicubic:out_range=tv,setsar=1,format=yuv420p[rung-360p]');
  });

  test('… at the fastest rate that a rung keeps', () => {
    const of = withVideo({ hdr: true, fps: '120/1' });
    const rungs = [rungBranch(of, { ...large, fps: '60/1' }), rungBranch(of, { ...rung, fps: '30/1' })];
    expect(graphOf(command(rungs, { probe: of }))).toMatch(
      /^\[0:0\]fps=60\/1,setparams=|^\[0:0\]fps=60\/1,fit=1280:720/,
    );
    const kept = [rungBranch(of, large), rungBranch(of, { ...rung, fps: '30/1' })];
    expect(graphOf(command(kept, { probe: of }))).not.toMatch(/^\[0:0\]fps/);
  });

  test('rungs with the same sound share its encoder', () => {
    const args = command([rungBranch(probe, { ...large, audioBitrate: 96 }), rungBranch(probe, rung)]);
    expect(values(args, '-c:a')).toEqual(['aac']);
    expect([values(args, '-c:v:0'), values(args, '-g:v:1')]).toEqual([['libx264'], ['60']]);
    expect(args.at(-1)).toBe(
      "[f=mp4:movflags=+faststart:select=\\'0,2\\']720p.mp4.part|[f=mp4:movflags=+faststart:select=\\'1,2\\']360p.mp4.part",
    );
  });

  test('sound that is encoded already is copied, each file opened once', () => {
    const rungs = [rungBranch(probe, { ...large, audioBitrate: 96 }), rungBranch(probe, rung)];
    const args = command(rungs, { soundFiles: { 96: '/sound.m4a', 128: '/other.m4a' } });
    expect(values(args, '-i')).toEqual(['file:/in', 'file:/sound.m4a']);
    expect(values(args, '-map')).toEqual(['[rung-720p]', '1:a:0', '[rung-360p]', '1:a:0']);
    expect(values(args, '-c:a')).toEqual(['copy', 'copy']);
  });

  test('pictures that are copied are decoded into nothing, where no other branch decodes all of them', () => {
    const copied = rungBranch(probe, { ...large, copy: true });
    expect(command([copied]).slice(-6)).toEqual(['-map', '0:0', '-f', 'null', '-t', '6.200', '-'].slice(-6));
    expect(command([copied, posterBranch(poster)]).at(-1)).toBe('-');
    expect(command([copied, rungBranch(probe, rung)])).not.toContain('-');
    expect(values(command([copied]), '-bsf:v')).toEqual(['filter_units=remove_types=6']);
  });

  test('a sprite alone is read coarsely, and shows by a copied stream how far the reading is', () => {
    const args = command([spriteBranch(probe, sprite, ({ name }) => name)]);
    expect(values(args, '-skip_frame')).toEqual(['noref']);
    expect(args).not.toContain('-xerror');
    expect(values(args, '-c')).toEqual(['copy']);
    expect(command(all())).not.toContain('-skip_frame');
  });

  test('a piece is decoded from before its beginning, keeps its place on the grid and has as many pictures as were counted', () => {
    const range = { start: 6.006, frames: { '360p': 180 } };
    const args = command([rungBranch(probe, { ...rung, fps: '30000/1001', audioBitrate: undefined }, range)], {
      range,
    });
    expect(args.slice(args.indexOf('-ss'), args.indexOf('-ss') + 2)).toEqual(['-ss', '5.006000']);
    expect(values(args, '-filter_complex')[0]).toContain('fps=30000/1001:start_time=6.006000,setpts=PTS-180,');
    expect(args.indexOf('-ss')).toBeLessThan(args.indexOf('-i'));
    expect(values(args, '-frames:v')).toEqual(['180']);
  });
});

test.each(["/a b/it's", '/-i', '/%d.mp4', '/ä/日本', '/a:b,c;[d]', '/"q"', '/a\\b', '/concat:x|y'])(
  'a path stays one argument, whole, and in no filter: %s',
  (path) => {
    const args = command([rungBranch(probe, rung)], { input: path, partOf: () => `${path}.part` });
    expect(args.filter((arg) => arg.includes(path))).toEqual([`file:${path}`, `file:${path}.part`]);
    expect(ffprobeArgs(path).filter((arg) => arg.includes(path))).toEqual([`file:${path}`]);
  },
);

test('every call that opens a source has its whitelists and limits before it', () => {
  const sound = { soundFiles: { 96: '/sound.m4a' } };
  for (const args of [
    encode(),
    command([rungBranch(probe, rung)], sound),
    commandLine(
      seekCommand({ input: '/in', probe, settings, maxDuration: DAY }, poster, 1, {
        picture: '/p',
        sample: '/s',
        around: '/a',
      }),
    ),
    command([spriteBranch(probe, sprite, ({ name }) => name)]),
    ffprobeArgs('/in'),
  ]) {
    const options = [
      '-protocol_whitelist',
      '-format_whitelist',
      '-codec_whitelist:v',
      '-codec_whitelist:a',
      '-max_pixels',
    ];
    const inputs = args.flatMap((arg, at) => (arg === '-i' ? [at] : []));
    inputs.forEach((input, index) => {
      const before = args.slice(inputs[index - 1] ?? 0, input);
      for (const option of options) expect(before).toContain(option);
    });
  }
});

describe('filters of an encode', () => {
  test.each<[string, Partial<VideoStream>, Partial<RungPlan>, string | RegExp]>([
    ['a lower rate comes before the scaling', {}, { fps: '15/1' }, /^fps=15\/1,fit=/],
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
      /^fit=640:360:.*zscale=t=linear.*tonemap.*,format=yuv420p$/,
    ],
    [
      'untagged HDR gets what zscale needs',
      { hdr: true, colour: {} },
      {},
      /^setparams=color_primaries=bt2020:colorspace=bt2020nc:range=tv,/,
    ],
  ])('%s', (_, changes, more, expected) => {
    expect(short(rungFilters({ ...video, ...changes }, { ...rung, ...more }))).toMatch(expected);
  });
});

test('a sprite takes one picture an interval, holds the last one, and lays them in a grid', () => {
  expect(short(spriteFilters(video, { ...sprite, interval: 3 }))).toBe(
    'tpad=stop_mode=clone:stop_duration=3,fps=1/3,trim=end_frame=4,' +
      'fit=160:90:flags=bicubic:out_range=pc,setsar=1,format=yuvj420p,tile=4x1',
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
