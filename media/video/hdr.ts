/** Transfer functions of HDR by ffprobe's names: the number of ITU-T H.273, and the word of HLS. No Node in it. */
export const HDR_TRANSFERS = {
  smpte2084: { code: 16, range: 'PQ' },
  'arib-std-b67': { code: 18, range: 'HLG' },
} as const;
export type HdrTransfer = keyof typeof HDR_TRANSFERS;
export type VideoRange = 'SDR' | (typeof HDR_TRANSFERS)[HdrTransfer]['range'];

/** Static metadata of HDR10: the screen that the pictures were graded on (SMPTE ST 2086) and their light (CTA-861.3). */
export interface HdrMetadata {
  /** CIE 1931 x and y, and the darkest and the brightest, cd/m². */
  display?: { red: Point; green: Point; blue: Point; white: Point; darkest: number; brightest: number };
  /** cd/m²: of the brightest pixel, and the mean of the brightest picture. */
  light?: { most: number; average: number };
}
type Point = [x: number, y: number];

/** A rung that stays HDR. */
export interface HdrPlan extends HdrMetadata {
  transfer: HdrTransfer;
}

/** Is it the name of a transfer function of HDR? */
export function isHdrTransfer(name: string | undefined): name is HdrTransfer {
  return name !== undefined && Object.keys(HDR_TRANSFERS).includes(name);
}

/** What HLS calls pictures with a transfer function of this number. */
export function videoRange(code: number | undefined): VideoRange {
  return Object.values(HDR_TRANSFERS).find((transfer) => transfer.code === code)?.range ?? 'SDR';
}

/** As x265 wants it: 0.00002 and 0.0001 cd/m² a step. */
export function x265Hdr({ display, light }: HdrMetadata): string {
  const steps = ([x, y]: Point) => `(${Math.round(x * 50_000)},${Math.round(y * 50_000)})`;
  const [darkest, brightest] = [display?.darkest, display?.brightest].map((level = 0) => Math.round(level * 10_000));
  return [
    ...(display
      ? [
          `:master-display=G${steps(display.green)}B${steps(display.blue)}R${steps(display.red)}WP${steps(display.white)}`,
          `L(${brightest},${darkest})`,
        ]
      : []),
    ...(light ? [`:max-cll=${light.most},${light.average}`] : []),
  ].join('');
}

/** As SVT-AV1 wants it. */
export function svtHdr({ display, light }: HdrMetadata): string {
  const point = ([x, y]: Point) => `(${x.toFixed(5)},${y.toFixed(5)})`;
  return [
    ...(display
      ? [
          `:mastering-display=G${point(display.green)}B${point(display.blue)}R${point(display.red)}WP${point(display.white)}`,
          `L(${display.brightest.toFixed(4)},${display.darkest.toFixed(4)})`,
        ]
      : []),
    ...(light ? [`:content-light=${light.most},${light.average}`] : []),
  ].join('');
}
