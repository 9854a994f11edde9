/** An SSIM as a ratio in dB: even steps of a constant rate factor change it by about even amounts. */
export const decibels = (ssim: number): number => -10 * Math.log10(Math.max(1e-6, 1 - ssim));
