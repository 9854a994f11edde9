const WINDOW = 8;
const STEP = 4;
/** The constants of SSIM for 8 bits: (0.01 x 255)² and (0.03 x 255)². */
const [C1, C2] = [6.5025, 58.5225];

/**
 * Mean structural similarity of two pictures of one size, in windows of 8 x 8 px that overlap by half; a picture smaller than
 * a window is one window.
 * @param a luminance, one byte for each px
 * @returns 1 for equal pictures
 */
export function ssim(a: Uint8Array, b: Uint8Array, width: number, height: number): number {
  let sum = 0;
  let windows = 0;
  const [across, down] = [Math.min(WINDOW, width), Math.min(WINDOW, height)];
  for (let top = 0; top + down <= height; top += STEP) {
    for (let left = 0; left + across <= width; left += STEP) {
      let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0];
      for (let y = top; y < top + down; y++) {
        for (let at = y * width + left; at < y * width + left + across; at++) {
          const pa = a[at]!;
          const pb = b[at]!;
          sa += pa;
          sb += pb;
          saa += pa * pa;
          sbb += pb * pb;
          sab += pa * pb;
        }
      }
      const n = across * down;
      const [ma, mb] = [sa / n, sb / n];
      const covariance = sab / n - ma * mb;
      const variances = saa / n - ma * ma + sbb / n - mb * mb;
      sum += ((2 * ma * mb + C1) * (2 * covariance + C2)) / ((ma * ma + mb * mb + C1) * (variances + C2));
      windows++;
    }
  }
  return sum / windows;
}
