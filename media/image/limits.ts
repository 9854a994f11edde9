import { DarkroomError } from '../../common/errors';
import type { ImageLimits } from './types';

/** A number with commas. */
export const grouped = (count: number) => count.toLocaleString('en-US');

/**
 * Holds for all frames whatever the preset keeps of them: a file's fate does not depend on the preset.
 * @throws DarkroomError MediaTooLarge
 */
export function assertWithin(
  { maxPixels, maxFrames }: ImageLimits,
  width: number,
  height: number,
  frames: number,
): void {
  const details = { width, height, frames, maxPixels, maxFrames };
  if (frames > maxFrames) {
    const sentence = `The animation has ${grouped(frames)} frames; at most ${grouped(maxFrames)} are read.`;
    throw new DarkroomError('MediaTooLarge', sentence, details);
  }
  const pixels = width * height * frames;
  if (pixels > maxPixels) {
    const each = `${grouped(width)} x ${grouped(height)} pixels`;
    const all = frames > 1 ? `${grouped(frames)} frames of ${each}` : each;
    const sentence = `The image has ${all}, ${grouped(pixels)} in all; at most ${grouped(maxPixels)} are read.`;
    throw new DarkroomError('MediaTooLarge', sentence, details);
  }
}
