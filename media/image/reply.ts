import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { isErrorType, type ErrorType } from '../../common/errors';
import { IMAGE_FORMAT_NAMES } from '../formats';
import type { ImageOutcome, ImageTask, Reply } from './types';

const px = z.int().min(1);
const count = z.int().min(0);
const text = z.string().max(10_000);
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
      }),
    )
    .max(1000),
  placeholder: z.object({ thumbhash: text, dominant: text }),
  warnings: z.array(text).max(1000),
  timings: times,
  startedAt: times,
}) satisfies z.ZodType<ImageOutcome>;

const error = z.object({
  type: z.custom<ErrorType>(isErrorType),
  message: text,
  details: z.record(text, z.union([z.string(), z.number(), z.boolean()]).optional()),
});

const reply = z.union([
  z.object({ id: z.int(), ok: z.literal(true), outcome }),
  z.object({ id: z.int(), ok: z.literal(false), error }),
]) satisfies z.ZodType<Reply>;

/** A child's answer; undefined for one that makes no sense: a decoder that was taken over may send anything. */
export function readReply(received: unknown): Reply | undefined {
  return reply.safeParse(received).data;
}

/** True where each file of the answer is a plain file in the task's own folder. */
export async function liesInside({ files }: ImageOutcome, { outputDir }: ImageTask): Promise<boolean> {
  const folder = path.resolve(outputDir);
  const inside = async (file: string): Promise<boolean> =>
    path.resolve(file) === file && path.dirname(file) === folder && (await lstat(file)).isFile();
  const all = await Promise.all(files.map(({ file }) => inside(file).catch(() => false)));
  return all.every(Boolean);
}
