import { z } from 'zod';
import type { ImagePreset, VideoPreset } from '../../common/contracts';

/** Names become part of file names and URLs. */
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes, 32 at most');
const pixels = z.int().min(16).max(16_384);
const quality = z.int().min(1).max(100);

/** The highest effort each encoder knows, from sharp's output options. */
const MAX_EFFORT = { webp: 6, avif: 9, png: 10, jpeg: 0 } as const;

const imageRendition = z
  .strictObject({
    name,
    format: z.enum(['webp', 'avif', 'jpeg', 'png']),
    width: pixels.optional(),
    height: pixels.optional(),
    quality: quality.optional(),
    effort: z.int().min(0).max(10).optional(),
    lossless: z.boolean().optional(),
    trellis: z.boolean().optional(),
  })
  .refine((spec) => spec.width !== undefined || spec.height !== undefined, 'needs a width or a height')
  .refine((spec) => (spec.effort ?? 0) <= MAX_EFFORT[spec.format], {
    path: ['effort'],
    error: 'higher than this format knows',
  })
  .refine((spec) => !spec.trellis || spec.format === 'jpeg', { path: ['trellis'], error: 'is for jpeg only' })
  .refine((spec) => !spec.lossless || spec.format === 'webp' || spec.format === 'avif', {
    path: ['lossless'],
    error: 'is for webp and avif only',
  });

const rung = z.strictObject({
  name,
  height: z.int().min(64).max(4320),
  crf: z.int().min(0).max(51),
  maxrate: z.int().min(50).max(200_000),
  speed: z.enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow']),
  audioBitrate: z.int().min(16).max(512),
});

function uniqueNames(entries: { name: string }[]): boolean {
  return new Set(entries.map((entry) => entry.name)).size === entries.length;
}

const image = z.strictObject({
  animation: z.enum(['keep', 'first']).default('first'),
  colour: z.enum(['srgb', 'keep']).default('srgb'),
  renditions: z.array(imageRendition).min(1).max(32).refine(uniqueNames, 'two renditions have the same name'),
}) satisfies z.ZodType<ImagePreset>;

const video = z.strictObject({
  audio: z.enum(['optional', 'drop']).default('optional'),
  rungs: z.array(rung).min(1).max(12).refine(uniqueNames, 'two rungs have the same name'),
  poster: z.strictObject({ format: z.enum(['webp', 'jpeg']), width: pixels, quality }).optional(),
  sprite: z
    .strictObject({
      width: z.int().min(32).max(640),
      columns: z.int().min(1).max(20),
      rows: z.int().min(1).max(20),
      quality,
    })
    .optional(),
  hls: z.boolean().optional(),
}) satisfies z.ZodType<VideoPreset>;

/** A preset file. Its name is the file's. */
export const presetFile = z
  .strictObject({ image: image.optional(), video: video.optional() })
  .refine((preset) => preset.image ?? preset.video, 'needs image or video');
