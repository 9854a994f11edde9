import { z } from 'zod';

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
