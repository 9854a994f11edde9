/** HDR10 and HLG that stay so: real encoders, read by ffprobe and level by level. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, settings, streamsOf } from '../../test/support/clips';
import type { VideoPreset, VideoRungSpec } from '../presets/schema';
import { inside } from './check/mp4';
import { joinChunks } from './chunks/join';
import { makeChunk } from './chunks/make-chunk';
import type { CodecName } from './codecs';
import { packageHls } from './hls/package';
import { makeOutputs } from './make-outputs';
import { planChunks } from './plan/chunks';
import { planVideo } from './plan/plan';
import { hdrMetadata } from './probe/hdr-metadata';
import { probeVideo } from './probe/probe';
import type { StepInput, VideoPlan } from './types';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;
function folder(): string {
  const outputDir = clips.at(`out-${count++}`);
  mkdirSync(outputDir);
  return outputDir;
}

/** As graded on a screen of P3 with 1000 cd/m². */
const GRADED = {
  display: {
    ...{ red: [0.68, 0.32], green: [0.265, 0.69], blue: [0.15, 0.06], white: [0.3127, 0.329] },
    ...{ darkest: 0.005, brightest: 1000 },
  },
  light: { most: 1000, average: 400 },
};
const SCREEN = 'G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)';
const TAGGED = (transfer: string) =>
  `format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=${transfer}:colorspace=bt2020nc:range=tv`;
const X265 = '-c:v libx265 -preset ultrafast -crf 12 -tag:v hvc1 -x265-params log-level=error';

let hdr10: string;
let hlg: string;
beforeAll(() => {
  const moving = `${picture('320x180', 1)} -vf`;
  hdr10 = ffmpeg(
    `${moving} ${TAGGED('smpte2084')} ${X265}:master-display=${SCREEN}:max-cll=1000,400`,
    clips.at('10.mp4'),
  );
  hlg = ffmpeg(`${moving} ${TAGGED('arib-std-b67')} ${X265}`, clips.at('hlg.mkv'));
});

const CRF: Record<CodecName, number> = { h264: 20, hevc: 16, av1: 20, vp9: 24 };
const rung = (codec: CodecName, height = 180): VideoRungSpec => ({
  ...{ name: codec, codec, height, crf: CRF[codec], maxrate: 4000, speed: 'superfast', audioBitrate: 64 },
});
const preset = (codecs: CodecName[], hdr?: VideoPreset['hdr']): VideoPreset => ({
  ...{ audio: 'drop', hls: true, dash: true, hdr },
  rungs: codecs.map((codec) => rung(codec)),
});

async function prepare(input: string, wanted: VideoPreset): Promise<StepInput & { plan: VideoPlan }> {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const plan = planVideo(probe, wanted);
  return { input, outputDir: folder(), probe, plan, maxDuration: 3_600_000, settings };
}

async function make(input: string, wanted: VideoPreset, marks?: StepInput['marks'], outputDir = folder()) {
  const step = { ...(await prepare(input, wanted)), outputDir, marks };
  const files = await makeOutputs(step);
  return { step, fileOf: (name: string) => files.find((file) => file.name === name)?.file ?? '' };
}

/** What ffprobe says beside the first picture and the last. */
function metadataOf(file: string) {
  const entries = ['-select_streams', 'v', '-show_entries', 'frame=pts:frame_side_data', '-of', 'json'];
  const { frames } = JSON.parse(
    execFileSync(settings.ffprobePath, ['-v', 'error', ...entries, `file:${file}`], { maxBuffer: 2 ** 26 }).toString(),
  ) as { frames: object[] };
  return [frames.slice(0, 1), frames.slice(-1)].map((some) => hdrMetadata({ frames: some }));
}

const close = (value: number) => expect.closeTo(value, 3) as number;
const closeTo = ([x = 0, y = 0]: number[]) => [close(x), close(y)];
const WANTED = {
  display: {
    ...{ red: closeTo([0.68, 0.32]), green: closeTo([0.265, 0.69]) },
    ...{ blue: closeTo([0.15, 0.06]), white: closeTo([0.3127, 0.329]) },
    ...{ darkest: close(0.005), brightest: 1000 },
  },
  light: GRADED.light,
};

/** 10-bit luma of all pictures. */
function luma(file: string, frames = ''): Uint16Array {
  const words = `-map 0:v ${frames} -vf format=yuv420p10le,extractplanes=y -f rawvideo -`;
  const bytes = execFileSync(
    settings.ffmpegPath,
    ['-v', 'error', '-i', `file:${file}`, ...words.split(' ').filter(Boolean)],
    { maxBuffer: 2 ** 28 },
  );
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** The mean difference of code values, of 1023, and how much brighter one is on the whole. */
function differ(a: Uint16Array, b: Uint16Array): { each: number; whole: number } {
  expect(a.length).toBe(b.length);
  let [each, whole] = [0, 0];
  a.forEach((value, at) => {
    each += Math.abs(value - b[at]!);
    whole += value - b[at]!;
  });
  return { each: each / a.length, whole: whole / a.length };
}

describe.each([
  ['HDR10', () => hdr10, 'smpte2084', 'PQ', 16],
  ['HLG', () => hlg, 'arib-std-b67', 'HLG', 18],
] as const)('%s', (_, source, transfer, range, code) => {
  test('stays so in HEVC and AV1, level for level, and becomes SDR in H.264 beside them', async () => {
    const { step, fileOf } = await make(source(), preset(['h264', 'av1', 'hevc'], 'keep'));
    const original = luma(source());
    for (const codec of ['hevc', 'av1'] as const) {
      expect(streamsOf(fileOf(codec))).toMatchObject([
        {
          ...{ pix_fmt: 'yuv420p10le', color_space: 'bt2020nc', color_transfer: transfer },
          ...{ color_primaries: 'bt2020', color_range: 'tv', nb_read_frames: '25' },
        },
      ]);
      const { each, whole } = differ(luma(fileOf(codec)), original);
      expect([codec, each < 8 || each, Math.abs(whole) < 1 || whole]).toEqual([codec, true, true]);
      expect(metadataOf(fileOf(codec))).toEqual(transfer === 'smpte2084' ? [WANTED, WANTED] : [{}, {}]);
    }
    expect(streamsOf(fileOf('h264'))).toMatchObject([
      { pix_fmt: 'yuv420p', color_space: 'bt709', color_transfer: 'bt709', color_primaries: 'bt709' },
    ]);
    // The check can fail: tone-mapping changes the levels.
    expect(differ(luma(fileOf('h264')), original).each).toBeGreaterThan(20);

    const rungs = step.plan.rungs.map((plan) => ({ plan, file: fileOf(plan.name) }));
    const { playlist, dash } = await packageHls({ ...step, hls: step.plan.hls!, rungs });
    const lines = readFileSync(playlist.file, 'utf8').split('\n');
    const said = lines.flatMap((line) => /^#.*CODECS="([^"]+)".*VIDEO-RANGE=(\w+)/.exec(line)?.slice(1, 3) ?? []);
    const variants = ['avc1', 'SDR', 'hvc1.2.4', range, 'av01.0', range];
    expect(said.map((word) => variants.find((known) => word.startsWith(known)))).toEqual([...variants, ...variants]);
    expect(said[2]).toMatch(/^hvc1\.2\.4\.L\d+\.90$/);
    expect(said[4]).toMatch(/^av01\.0\.\d\dM\.10$/);
    const sets = readFileSync(dash!.file, 'utf8').split('<AdaptationSet').slice(1);
    const property = `<EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="${code}"/>`;
    expect(sets.map((set) => [/codecs="(\w+)/.exec(set)?.[1], set.includes(property)])).toEqual([
      ['avc1', false],
      ['av01', true],
      ['hvc1', true],
    ]);
    // Cut into segments, the tracks still say it.
    const track = path.join(path.dirname(playlist.file), 'video-hevc/index.m3u8');
    expect(streamsOf(track)).toMatchObject([{ color_transfer: transfer, pix_fmt: 'yuv420p10le' }]);
  });
});

test('where a stream is HDR only, a DASH player may show it without knowing HDR', async () => {
  const { step, fileOf } = await make(hlg, preset(['hevc'], 'keep'));
  const { dash } = await packageHls({
    ...{ ...step, hls: step.plan.hls! },
    rungs: step.plan.rungs.map((plan) => ({ plan, file: fileOf(plan.name) })),
  });
  const text = readFileSync(dash!.file, 'utf8');
  expect(text).toContain('<SupplementalProperty schemeIdUri="urn:mpeg:mpegB:cicp:ColourPrimaries" value="9"/>');
  expect(text).not.toContain('EssentialProperty');
});

test('without the field, and for sources in SDR, rungs are SDR', async () => {
  const sdr = ffmpeg(`${picture('320x180', 0.4)} -c:v libx264 -pix_fmt yuv420p`, clips.at('sdr.mp4'));
  for (const [input, field] of [
    [hdr10, undefined],
    [sdr, 'keep'],
  ] as const) {
    const { fileOf } = await make(input, preset(['hevc'], field));
    const [stream] = streamsOf(fileOf('hevc'));
    expect([stream?.pix_fmt, stream?.profile, stream?.color_transfer]).toEqual([
      'yuv420p',
      'Main',
      stream?.color_transfer,
    ]);
    expect(stream?.color_transfer).not.toMatch(/smpte2084|b67/);
  }
});

test('in chunks: one header for all of them, and each picture as in one piece', async () => {
  const film = ffmpeg(
    `${picture('160x90', 14)} -vf ${TAGGED('smpte2084')} ${X265}:keyint=50:open-gop=0:master-display=${SCREEN}:max-cll=1000,400`,
    clips.at('film.mp4'),
  );
  const rungs = [rung('hevc', 90), rung('h264', 90)];
  const whole = await prepare(film, { audio: 'drop', hls: true, hdr: 'keep', rungs });
  const plan = planChunks(whole.probe, whole.plan, 0.0001)!;
  const step = { ...whole, plan };
  const tracks = [];
  for (const group of plan.chunks!.groups.filter((each) => each.rungs.includes('hevc'))) {
    for (const chunk of group.chunks) tracks.push(...(await makeChunk({ ...step, outputDir: folder(), group, chunk })));
  }
  const own = tracks.filter((track) => track.rung === 'hevc');
  expect(own.length).toBeGreaterThan(1);
  // The decoder's configuration, with the metadata in it, and the colour.
  const [config, ...others] = own.map(({ init }) => {
    const entry = inside(readFileSync(init.file), 'moov/trak/mdia/minf/stbl/stsd').subarray(8 + 8 + 78);
    return ['hvcC', 'colr'].map((type) => inside(entry, type).toString('hex'));
  });
  expect(others.every((other) => other.join() === config?.join()) || others).toBe(true);

  const segments = own.flatMap((track) => track.segments);
  const joined = await joinChunks({
    ...{ ...step, outputDir: folder(), rung: plan.rungs[0]!, init: own[0]!.init.file },
    segments: segments.map(({ file }) => file),
    frames: segments.reduce((sum, { frames }) => sum + frames, 0),
  });
  expect(streamsOf(joined.file)).toMatchObject([
    { pix_fmt: 'yuv420p10le', color_transfer: 'smpte2084', nb_read_frames: '350' },
  ]);
  expect(metadataOf(joined.file)).toEqual([WANTED, WANTED]);
  const { each } = differ(luma(joined.file), luma(film));
  expect(each < 8 || each).toBe(true);
});

test('a watermark is as bright as white paper among HDR: 203 cd/m²', async () => {
  const outputDir = folder();
  const square = { input: { create: { width: 64, height: 64, channels: 4, background: '#ffffff' } } } as const;
  await sharp({ create: { width: 320, height: 180, channels: 4, background: '#00000000' } })
    .composite([{ ...square, left: 33, top: 51 }])
    .png()
    .toFile(path.join(outputDir, 'mark-rung-hevc.png'));
  const mark = { file: 'mark-rung-hevc.png', left: 33, top: 51, width: 64, height: 64 };
  for (const [source, white] of [
    [hdr10, 573],
    [hlg, 721],
  ] as const) {
    const { fileOf } = await make(source, preset(['hevc'], 'keep'), { 'rung:hevc': mark }, outputDir);
    const levels = luma(fileOf('hevc'), '-frames:v 1');
    const original = luma(source, '-frames:v 1');
    const at = (x: number, y: number, of = levels) => of[y * 320 + x]!;
    for (const [x, y] of [
      [45, 63],
      [85, 63],
      [45, 103],
      [85, 103],
    ] as const)
      // prettier-ignore
      expect(Math.abs(at(x, y) - white)).toBeLessThan(16);
    for (const [x, y] of [
      [20, 63],
      [110, 63],
      [45, 40],
      [45, 128],
    ] as const)
      // prettier-ignore
      expect(Math.abs(at(x, y) - at(x, y, original))).toBeLessThan(40);
  }
});

test.each([
  ['a screen that is off the diagram', { red_x: '70000/50000' }],
  ['a screen whose black is brighter than its white', { min_luminance: '20000000/10000' }],
  ['words', { white_point_y: 'L(1)' }],
  ['nothing', { max_luminance: undefined }],
])('%s is not passed on to an encoder', (_, wrong) => {
  const part = (x: number) => `${Math.round(x * 50_000)}/50000`;
  const { red, green, blue, white } = GRADED.display;
  const points = Object.entries({ red, green, blue, white_point: white }).flatMap(([name, [x = 0, y = 0]]) => [
    [`${name}_x`, part(x)],
    [`${name}_y`, part(y)],
  ]);
  const right = {
    ...(Object.fromEntries(points) as Record<string, string>),
    ...{ side_data_type: 'Mastering display metadata', min_luminance: '50/10000', max_luminance: '10000000/10000' },
  };
  expect(hdrMetadata({ frames: [{ side_data_list: [right] }] })).toEqual({ display: GRADED.display });
  expect(hdrMetadata({ frames: [{ side_data_list: [{ ...right, ...wrong }] }] })).toEqual({});
});
