import { z } from 'zod';
import { modelsThatTake } from '../../common/models';

/** Fields that several sections have. Names become part of file names and URLs. */
export const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes, 32 at most');
/** px of a side. */
export const pixels = z.int().min(16).max(16_384);
export const quality = z.int().min(1).max(100);
export const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'a colour such as #3b82f6');

/** True where no two entries have the same name. */
export function uniqueNames(entries: { name: string }[]): boolean {
  return new Set(entries.map((entry) => entry.name)).size === entries.length;
}

/** Bytes, as a number or with `kB` or `MB`. */
export const byteCount = z

  .union(
    [
      z.int(),
      z
        .string()
        .regex(/^\d{1,9}(\.\d{1,3})? ?(kB|MB)$/)
        .transform((text) => Math.round(Number.parseFloat(text) * (text.endsWith('MB') ? 1e6 : 1e3))),
    ],
    { error: 'a number of bytes, or text such as 200 kB or 1.5 MB' },
  )
  .refine((bytes) => bytes >= 500 && bytes <= 100_000_000, 'is from 500 bytes to 100 MB');

/** Models that look at pictures, or hear sound; each name once. */
export const analyse = modelsOf(modelsThatTake('picture'));
export const analyseSound = modelsOf(modelsThatTake('sound'));

function modelsOf<Name extends string>(names: Name[]) {
  return z
    .array(z.enum(names))
    .min(1)
    .max(8)
    .refine((asked) => new Set(asked).size === asked.length, 'names a model twice')
    .optional();
}

/** A picture that stands for the whole; `width` in px at most. */
export const poster = z.strictObject({ format: z.enum(['webp', 'jpeg']), width: pixels, quality }).optional();
