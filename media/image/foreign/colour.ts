import type { Cicp } from './iso';

export type { Cicp };

/** Code points of ITU-T H.273. */
const [BT2020, P3] = [9, 12];
const [PQ, HLG] = [16, 18];

/** Linear RGB of other primaries as linear BT.709, the primaries of sRGB. */
const TO_709: Record<number, readonly number[]> = {
  [BT2020]: [1.6605, -0.5876, -0.0728, -0.1246, 1.1329, -0.0083, -0.0182, -0.1006, 1.1187],
  [P3]: [1.2249, -0.2247, 0, -0.042, 1.0419, 0, -0.0197, -0.0786, 1.0979],
};
/** The same as linear Display P3. */
const TO_P3: Record<number, readonly number[]> = {
  [BT2020]: [1.3435, -0.2822, -0.0613, -0.0653, 1.0758, -0.0105, 0.0028, -0.0196, 1.0168],
  [P3]: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};
const SRGB_TO_P3 = [0.8225, 0.1774, 0, 0.0332, 0.9669, 0, 0.0171, 0.0724, 0.9108];
const SAME = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** Luminance of diffuse white in HDR, cd/m² (ITU-R BT.2408). */
const WHITE = 203;
/** Peak that HLG is shown at, cd/m², and the gamma of its display there (ITU-R BT.2100). */
const HLG_PEAK = 1000;
const HLG_GAMMA = 1.2;

/** Is this high dynamic range? */
export function isHdr(cicp: Cicp | undefined): cicp is Cicp {
  return cicp !== undefined && (cicp.transfer === PQ || cicp.transfer === HLG);
}

/** sRGB, or what is taken for it. */
export function isPlain({ primaries, transfer }: Cicp): boolean {
  return TO_709[primaries] === undefined && transfer !== PQ && transfer !== HLG;
}

/** Signal (0–1) to light, 1: diffuse white. */
function light(transfer: number, signal: number): number {
  if (transfer === PQ) {
    const root = signal ** (1 / 78.84375);
    return (10_000 / WHITE) * (Math.max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125);
  }
  if (transfer === HLG)
    return signal <= 0.5 ? signal ** 2 / 3 : (Math.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12;
  return signal <= 0.04045 ? signal / 12.92 : ((signal + 0.055) / 1.055) ** 2.4;
}

/** Where highlights begin to be compressed, and the light that becomes the brightest white; 1: diffuse white. */
const KNEE = 0.5;
const BRIGHTEST = 10_000 / WHITE;

/** Light beyond the knee rolls off towards 1: what is darker stays as bright as it was meant to be. */
function rollOff(value: number): number {
  if (value <= KNEE) return value;
  const room = 1 - KNEE;
  const over = (value - KNEE) / room;
  const most = (BRIGHTEST - KNEE) / room;
  return KNEE + room * ((over * (1 + over / most ** 2)) / (1 + over));
}

const STEPS = 4096;
const ENCODED = Uint8Array.from({ length: STEPS + 1 }, (_, n) => {
  const value = n / STEPS;
  return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
});

/**
 * Pixels in other colours as 8-bit sRGB or Display P3: wide primaries are converted, and HDR (PQ, HLG) is tone-mapped by the
 * brightest channel, so that hues stay.
 * @param pixels interleaved, 8 or 16 bits a channel
 * @param channels 3, or 4 with transparency, which is kept
 */
export function toDisplay(
  pixels: Uint8Array | Uint16Array,
  channels: number,
  { primaries, transfer }: Cicp,
  gamut: 'srgb' | 'p3' = 'srgb',
): Uint8Array {
  const most = pixels instanceof Uint16Array ? 65_535 : 255;
  const lights = Float32Array.from({ length: most + 1 }, (_, value) => light(transfer, value / most));
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0, g = 0, h = 0, i = 1] =
    gamut === 'p3' ? (TO_P3[primaries] ?? SRGB_TO_P3) : (TO_709[primaries] ?? SAME);
  const hdr = transfer === PQ || transfer === HLG;
  const result = new Uint8Array(pixels.length);
  for (let at = 0; at + channels <= pixels.length; at += channels) {
    let [red, green, blue] = [lights[pixels[at]!]!, lights[pixels[at + 1]!]!, lights[pixels[at + 2]!]!];
    if (transfer === HLG) {
      const scene = 0.2627 * red + 0.678 * green + 0.0593 * blue;
      const display = (HLG_PEAK / WHITE) * scene ** (HLG_GAMMA - 1);
      [red, green, blue] = [red * display, green * display, blue * display];
    }
    [red, green, blue] = [
      a * red + b * green + c * blue,
      d * red + e * green + f * blue,
      g * red + h * green + i * blue,
    ];
    const peak = Math.max(red, green, blue, 1e-6);
    const scale = hdr ? rollOff(peak) / peak : 1;
    for (const [n, value] of [red, green, blue].entries()) {
      result[at + n] = ENCODED[Math.round(STEPS * Math.min(1, Math.max(0, value * scale)))]!;
    }
    if (channels === 4) result[at + 3] = most === 255 ? pixels[at + 3]! : pixels[at + 3]! >> 8;
  }
  return result;
}
