import { svtHdr, x265Hdr, type HdrPlan } from './hdr';

/** Encoder speeds, by x264's names: slower is smaller for the same quality. Each codec says what it makes of them. */
export const SPEEDS = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow'] as const;
export type Speed = (typeof SPEEDS)[number];

/** What an encoder needs to know of a rung. */
interface EncoderPlan {
  speed: Speed;
  crf: number;
  /** kbit/s. */
  maxrate: number;
  bufsize: number;
  /** Most frames between two keyframes. */
  gop: number;
  /** A keyframe every `gop` frames and nowhere else. */
  fixedGop?: boolean;
  /** Most threads, for encoders that do not follow ffmpeg's own `-threads`. */
  threads: number;
  /** For codecs that can: the pictures stay HDR, in 10 bits. */
  hdr?: HdrPlan;
}

/** A codec that a rung can have: everything about it that is not the same for all. */
interface VideoCodec {
  /** Name of ffmpeg's encoder. */
  readonly encoder: string;
  readonly pixelFormat: string;
  /** That of HDR; absent where rungs of this codec are SDR always. */
  readonly hdrPixelFormat?: string;
  /** The highest constant rate factor, which is the worst quality. */
  readonly maxCrf: number;
  /** px of a side, at least. */
  readonly minSide: number;
  /** CPU seconds for a million pixels, by speed. */
  readonly cost: Readonly<Record<Speed, number>>;
  /** Type of its sample entry in MP4, which is also the tag that a stream is given. */
  readonly entry: string;
  /** Type of the box in the sample entry that holds the decoder's configuration. */
  readonly config: string;
  /** The name of RFC 6381, from the body of that box and never from what was asked of the encoder. */
  readonly rfc6381: (config: Uint8Array) => string;
  /** Options of the encoder: names without dash, and values, in turn. The rate and the keyframes are among them. */
  readonly options: (rung: EncoderPlan) => string[];
  /** When the pictures of a source may be copied into the rung as they are, and how. */
  readonly passThrough: {
    /** ffprobe's name of the codec. */
    readonly codec: string;
    readonly pixelFormats: readonly string[];
    /** Drops what cameras put beside the pictures, such as positions and serial numbers. */
    readonly bitstreamFilter?: string;
  };
}

/** Most of a variable rate: a cap, and twice as many kbit to spread it over. */
const capped = ({ maxrate, bufsize }: EncoderPlan) => ['maxrate', `${maxrate}k`, 'bufsize', `${bufsize}k`];

/** A keyframe every `gop` frames where rungs have to meet, since counted frames meet at any rate; else every two seconds. */
const keyframes = ({ gop, fixedGop }: EncoderPlan) =>
  fixedGop ? ['keyint_min', String(gop)] : ['force_key_frames', 'expr:gte(t,n_forced*2)'];

/** Costs of an encoder from its cost at one speed and how the others compare. */
function scaled(cost: number, times: Record<Speed, number>): Record<Speed, number> {
  return Object.fromEntries(SPEEDS.map((speed) => [speed, cost * times[speed]])) as Record<Speed, number>;
}

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/** Profile, the profiles that it is compatible with (bits in reverse), tier and level, constraints without trailing zeros. */
function hevcName(config: Uint8Array): string {
  const [, head = 0] = config;
  const bits = [...config.subarray(2, 6)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const compatible = parseInt([...bits].reverse().join(''), 2).toString(16);
  const constraints = [...config.subarray(6, 12)].map((byte) => `.${hex(byte).toUpperCase()}`).join('');
  const profile = `${['', 'A', 'B', 'C'][head >> 6]}${head & 31}`;
  return `hvc1.${profile}.${compatible}.${head & 32 ? 'H' : 'L'}${config[12]}${constraints.replace(/(\.00)+$/, '')}`;
}

/** SVT-AV1's own numbers for the speeds. */
const SVT_PRESETS: Record<Speed, number> = {
  ...{ ultrafast: 12, superfast: 11, veryfast: 10, faster: 9, fast: 8, medium: 7, slow: 6 },
};

/** Profile, level, tier and bits. */
function av1Name([, head = 0, more = 0]: Uint8Array): string {
  const level = String(head & 31).padStart(2, '0');
  const bits = more & 0x40 ? (more & 0x20 ? '12' : '10') : '08';
  return `av01.${head >> 5}.${level}${more & 0x80 ? 'H' : 'M'}.${bits}`;
}

/** libvpx's own words for the speeds; `realtime` looks at less, for more bits. */
const VPX_SPEEDS: Record<Speed, string[]> = {
  ultrafast: ['deadline', 'realtime', 'cpu-used', '8'],
  superfast: ['deadline', 'realtime', 'cpu-used', '7'],
  veryfast: ['deadline', 'good', 'cpu-used', '5'],
  faster: ['deadline', 'good', 'cpu-used', '4'],
  fast: ['deadline', 'good', 'cpu-used', '3'],
  medium: ['deadline', 'good', 'cpu-used', '2'],
  slow: ['deadline', 'good', 'cpu-used', '1'],
};

/** Profile, level and bits; four bytes of version and flags come first. */
function vp9Name([, , , , profile = 0, level = 0, depth = 0]: Uint8Array): string {
  return `vp09.${[profile, level, depth >> 4].map((number) => String(number).padStart(2, '0')).join('.')}`;
}

/** The one table of codecs for rungs, those first that more players decode. No Node in it, since the page reads the types of presets. */
export const CODECS = {
  h264: {
    encoder: 'libx264',
    pixelFormat: 'yuv420p',
    maxCrf: 51,
    minSide: 2,
    cost: scaled(0.0042, { ultrafast: 0.4, superfast: 0.6, veryfast: 1, faster: 1.6, fast: 2, medium: 2.5, slow: 4 }),
    entry: 'avc1',
    config: 'avcC',
    // Profile, constraints and level.
    rfc6381: (config) => `avc1.${[...config.subarray(1, 4)].map(hex).join('')}`,
    options: (rung) => [
      ...['preset', rung.speed, 'profile', 'high', 'crf', String(rung.crf), ...capped(rung)],
      ...['g', String(rung.gop), 'sc_threshold', '0', ...keyframes(rung)],
      // The header does not depend on the rate factor, so chunks of several factors have one.
      ...['x264-params', 'stitchable=1'],
    ],
    passThrough: { codec: 'h264', pixelFormats: ['yuv420p'], bitstreamFilter: 'filter_units=remove_types=6' },
  },
  hevc: {
    encoder: 'libx265',
    pixelFormat: 'yuv420p',
    hdrPixelFormat: 'yuv420p10le',
    maxCrf: 51,
    // x265 3.5 writes beyond its memory at 48x48.
    minSide: 64,
    cost: scaled(0.0125, { ultrafast: 0.5, superfast: 0.7, veryfast: 1, faster: 1, fast: 1.2, medium: 1.3, slow: 3.6 }),
    // The parameter sets in front, as Apple's players want them.
    entry: 'hvc1',
    config: 'hvcC',
    rfc6381: hevcName,
    options: (rung) => [
      ...['preset', rung.speed, 'profile', rung.hdr ? 'main10' : 'main', 'crf', String(rung.crf), ...capped(rung)],
      ...['g', String(rung.gop), ...keyframes(rung), 'forced-idr', '1'],
      ...[
        'x265-params',
        `scenecut=0:open-gop=0:info=0:log-level=error:pools=${rung.threads}${x265Hdr(rung.hdr ?? {})}`,
      ],
    ],
    passThrough: { codec: 'hevc', pixelFormats: ['yuv420p'], bitstreamFilter: 'filter_units=remove_types=39-40' },
  },
  av1: {
    encoder: 'libsvtav1',
    pixelFormat: 'yuv420p',
    hdrPixelFormat: 'yuv420p10le',
    maxCrf: 63,
    minSide: 64,
    cost: scaled(0.014, { ultrafast: 0.45, superfast: 0.7, veryfast: 1, faster: 1.3, fast: 2, medium: 3.3, slow: 5.5 }),
    entry: 'av01',
    config: 'av1C',
    rfc6381: av1Name,
    // Its keyframes are counted; it puts none at changes of scene.
    options: (rung) => [
      ...['preset', String(SVT_PRESETS[rung.speed]), 'crf', String(rung.crf), ...capped(rung)],
      ...['g', String(rung.gop), 'svtav1-params', `lp=${rung.threads}${svtHdr(rung.hdr ?? {})}`],
    ],
    passThrough: { codec: 'av1', pixelFormats: ['yuv420p'], bitstreamFilter: 'filter_units=remove_types=5' },
  },
  vp9: {
    encoder: 'libvpx-vp9',
    pixelFormat: 'yuv420p',
    maxCrf: 63,
    minSide: 2,
    cost: scaled(0.021, { ultrafast: 0.3, superfast: 0.3, veryfast: 1, faster: 1.2, fast: 1.3, medium: 2, slow: 4 }),
    entry: 'vp09',
    config: 'vpcC',
    rfc6381: vp9Name,
    // With a rate beside it, the quality is a bound: simple pictures stay below the rate.
    options: (rung) => [
      ...VPX_SPEEDS[rung.speed],
      ...['row-mt', '1', 'crf', String(rung.crf), 'b', `${rung.maxrate}k`, ...capped(rung)],
      ...['g', String(rung.gop), ...keyframes(rung)],
    ],
    passThrough: { codec: 'vp9', pixelFormats: ['yuv420p'] },
  },
} as const satisfies Record<string, VideoCodec>;

export type CodecName = keyof typeof CODECS;
export const CODEC_NAMES = Object.keys(CODECS) as [CodecName, ...CodecName[]];

/** The codec of a rung that names none. */
export const DEFAULT_CODEC = 'h264';

/** The codec of a rung. */
export function codecOf({ codec = DEFAULT_CODEC }: { codec?: CodecName }): VideoCodec {
  return CODECS[codec];
}

/** How widely a codec is played, by its name in RFC 6381: the lower, the more widely. */
export function codecRank({ codec }: { codec: string }): number {
  return Object.values<VideoCodec>(CODECS).findIndex(({ entry }) => codec.startsWith(`${entry}.`));
}

/** Codecs whose rungs can stay HDR. */
export const HDR_CODEC_NAMES = CODEC_NAMES.filter((codec) => codecOf({ codec }).hdrPixelFormat !== undefined);

/** How the pictures of a rung are stored. */
export function pixelFormatOf(rung: { codec?: CodecName; hdr?: HdrPlan }): string {
  const { pixelFormat, hdrPixelFormat = pixelFormat } = codecOf(rung);
  return rung.hdr ? hdrPixelFormat : pixelFormat;
}

/** The codec whose pictures an MP4 calls so. */
export function codecOfEntry(entry: string): VideoCodec | undefined {
  return Object.values<VideoCodec>(CODECS).find((codec) => codec.entry === entry);
}
