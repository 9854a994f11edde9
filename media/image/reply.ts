import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { replyReader, replyText as text } from '../../common/task-reply';
import { DRAWN_FORMAT_NAMES, IMAGE_FORMAT_NAMES } from '../formats';
import type { ImageOutcome, ImageTask } from './types';

const px = z.int().min(1);
const count = z.int().min(0);
/** ms that one frame shows at most: the most that WebP can say. */
const MAX_DELAY = 2 ** 24;
const times = z.record(text, z.number());

const outcome = z.object({
  source: z.object({ format: text, width: px, height: px, pages: count.optional() }),
  files: z
    .array(
      z.object({
        ...{
          name: text,
          file: text,
          format: z.enum(IMAGE_FORMAT_NAMES),
          mime: text,
          width: px,
          height: px,
          bytes: count,
        },
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        frames: count.optional(),
        reached: z.object({ quality: count, ssim: z.number().optional() }).optional(),
        bounds: z.object({ left: count, top: count, width: px, height: px }).optional(),
        original: z.literal(true).optional(),
      }),
    )
    .max(1000),
  frames: z
    .array(
      z.object({
        ...{ name: text, file: text, format: z.enum(DRAWN_FORMAT_NAMES), width: px, height: px },
        delays: z.array(z.int().min(1).max(MAX_DELAY)).min(1).max(1_000_000),
      }),
    )
    .max(1000),
  placeholder: z.object({
    thumbhash: text,
    dominant: text,
    palette: z.array(text).max(16),
    blurhash: text.optional(),
  }),
  perceptualHash: text.optional(),
  warnings: z.array(text).max(1000),
  timings: times,
  startedAt: times,
}) satisfies z.ZodType<ImageOutcome>;

/** The answer of a child; undefined for nonsense. */
export const readReply = replyReader<ImageOutcome>(outcome);

/** True where each file of the answer is a plain file in the task's own folder. */
export async function liesInside({ files, frames }: ImageOutcome, { outputDir }: ImageTask): Promise<boolean> {
  const folder = path.resolve(outputDir);
  const inside = async (file: string): Promise<boolean> =>
    path.resolve(file) === file && path.dirname(file) === folder && (await lstat(file)).isFile();
  const all = await Promise.all([...files, ...frames].map(({ file }) => inside(file).catch(() => false)));
  return all.every(Boolean);
}
