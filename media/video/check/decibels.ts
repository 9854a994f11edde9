/** An SSIM as manifests have it: four digits. */
export const rounded = (ssim: number): number => Math.round(ssim * 1e4) / 1e4;

/** An SSIM as a ratio in dB: even steps of a constant rate factor change it by about even amounts. */
export const decibels = (ssim: number): number => -10 * Math.log10(Math.max(1e-6, 1 - ssim));
