import { z } from 'zod';

/** The shapes of uploads, whole and in parts. */

export const uploadParams = z.object({
  name: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^/\\\x00-\x1f\x7f]+$/, 'expected a file name, without slashes'),
});
const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits, lower-case')
  .describe('Of the bytes; the same bytes under the same name are the same source');
const upload = z
  .string()
  .regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits, lower-case')
  .describe('Id that the sender made up for a file that comes in parts');
const bytes = z.coerce.number().int().min(0);
export const uploadQuery = z.object({
  sha256: sha256.optional(),
  upload: upload.optional(),
  offset: bytes.optional().describe('Of a part: bytes of the file before it'),
  size: bytes.optional().describe('Of a part: bytes of the whole file'),
});
export const uploadedQuery = z.object({ sha256: sha256.optional(), upload: upload.optional() });

export const uploadAnswer = z.object({ source: z.string(), bytes: z.int(), name: z.string() });
export const uploadOffset = z.object({ offset: z.int(), name: z.string() });
