import type { GainMap } from './find';

/** Luminance of diffuse white, cd/m² (ITU-R BT.2408), which is the 1 of the base picture's linear light. */
const WHITE = 203;
/** The brightest that PQ can say, cd/m². */
const BRIGHTEST = 10_000;

type Matrix = readonly number[];

/** Linear RGB as XYZ at D50, the white of ICC profiles; by rows. */
const SRGB: Matrix = [0.43607, 0.38515, 0.14307, 0.22249, 0.71687, 0.06061, 0.01392, 0.09708, 0.7141];
const BT2020: Matrix = [0.67348, 0.16567, 0.12505, 0.27904, 0.67535, 0.04561, -0.00194, 0.02998, 0.79686];

/**
 * Pixels of a base picture, made brighter by its gain map: `(SDR + offset) x 2^gain - offset`, in linear light and in the
 * primaries of the base (ISO 21496-1, Ultra HDR 1.x), for a screen that can show the whole gain.
 * @param base interleaved RGB, 8 bits, in the numbers of the file; its curve is that of sRGB
 * @param map as large as the base
 * @param profile of the base; absent: sRGB
 * @returns BT.2020 with the curve of PQ, 16 bits a channel
 */
export function applied(base: Uint8Array, map: Uint8Array, gain: GainMap, profile?: Buffer): Uint16Array {
  const { min, max, gamma, offsetSdr, offsetHdr } = gain;
  const of = (values: number[], channel: number): number => values[channel] ?? values[0]!;
  const factors = [0, 1, 2].map((channel) =>
    Float64Array.from({ length: 256 }, (_, value) => {
      const weight = (value / 255) ** (1 / of(gamma, channel));
      return 2 ** (of(min, channel) * (1 - weight) + of(max, channel) * weight);
    }),
  );
  const lights = Float64Array.from({ length: 256 }, (_, value) => {
    const signal = value / 255;
    return signal <= 0.04045 ? signal / 12.92 : ((signal + 0.055) / 1.055) ** 2.4;
  });
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = product(
    inverse(BT2020),
    primariesOf(profile),
  );
  const result = new Uint16Array(base.length);
  const light = (at: number, channel: number): number =>
    (lights[base[at + channel]!]! + of(offsetSdr, channel)) * factors[channel]![map[at + channel]!]! -
    of(offsetHdr, channel);
  for (let at = 0; at + 3 <= base.length; at += 3) {
    const [red, green, blue] = [light(at, 0), light(at, 1), light(at, 2)];
    result[at] = signal(a * red + b * green + c * blue);
    result[at + 1] = signal(d * red + e * green + f * blue);
    result[at + 2] = signal(g * red + h * green + i * blue);
  }
  return result;
}

/** PQ (SMPTE ST 2084) of the light at each fourth power: the eye, and PQ, see small lights in smaller steps. */
const STEPS = 65_535;
const PQ = Uint16Array.from({ length: STEPS + 1 }, (_, step) => {
  const root = (step / STEPS) ** (4 * 0.1593017578125);
  return Math.round(STEPS * ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375);
});

function signal(light: number): number {
  const share = Math.min(1, Math.max(0, (light * WHITE) / BRIGHTEST));
  return PQ[Math.round(STEPS * Math.sqrt(Math.sqrt(share)))]!;
}

/** The primaries of an ICC profile of three colours; those of sRGB for every other one. */
function primariesOf(profile: Buffer | undefined): Matrix {
  const columns = profile && ['rXYZ', 'gXYZ', 'bXYZ'].map((tag) => xyzOf(profile, tag));
  if (!columns?.every((column) => column !== undefined)) return SRGB;
  return [0, 1, 2].flatMap((row) => columns.map((column) => column[row]!));
}

function xyzOf(profile: Buffer, wanted: string): number[] | undefined {
  if (profile.length < 132) return undefined;
  for (let tag = 0; tag < Math.min(100, profile.readUInt32BE(128)); tag++) {
    const at = 132 + 12 * tag;
    if (at + 12 > profile.length) return undefined;
    if (profile.toString('latin1', at, at + 4) !== wanted) continue;
    const from = profile.readUInt32BE(at + 4) + 8;
    if (from + 12 > profile.length) return undefined;
    return [0, 4, 8].map((offset) => profile.readInt32BE(from + offset) / 65_536);
  }
  return undefined;
}

function product(left: Matrix, right: Matrix): Matrix {
  return [0, 3, 6].flatMap((row) =>
    [0, 1, 2].map((column) => [0, 1, 2].reduce((sum, n) => sum + left[row + n]! * right[3 * n + column]!, 0)),
  );
}

function inverse([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0]: Matrix): Matrix {
  const [A, B, C] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const whole = a * A + b * B + c * C;
  return [A, c * h - b * i, b * f - c * e, B, a * i - c * g, c * d - a * f, C, b * g - a * h, a * e - b * d].map(
    (value) => value / whole,
  );
}
