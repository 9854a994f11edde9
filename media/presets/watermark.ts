import { z } from 'zod';

export const COMPASS = [
  'centre',
  'north',
  'northeast',
  'east',
  'southeast',
  'south',
  'southwest',
  'west',
  'northwest',
] as const;
export type Compass = (typeof COMPASS)[number];
export const compass = z.enum(COMPASS);

/** px that are kept free around what is laid on a picture. */
export const margin = z.int().min(0).max(1024);
/** 1: as it is; nothing of the picture shows through. */
export const opacity = z.number().min(0.05).max(1);

/** A picture to lay on the pictures of an image or a video. */
export const watermark = z
  .strictObject({
    /** URI of a picture, read as sources are; no SVG. */
    source: z
      .string()
      .max(8192)
      .regex(/^(?:file:\/\/\/|s3:\/\/|https?:\/\/)/i, 'expected a URI that begins with file:///, s3:// or https://'),
    /** Absent: `southeast`. */
    gravity: compass.optional(),
    /** How much of the rendition's width the picture takes. Absent: 0.2. */
    scale: z.number().min(0.01).max(1).optional(),
    opacity: opacity.optional(),
    /** All over the rendition, `margin` apart. */
    tile: z.boolean().optional(),
    /** px to the edges, and between tiles; in videos, of the largest rung. Absent: 16. */
    margin: margin.optional(),
  })
  .refine(({ gravity: place, tile }) => place === undefined || tile !== true, {
    path: ['gravity'],
    error: 'is one place, and `tile` takes them all',
  });
