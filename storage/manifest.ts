import { z } from 'zod';
import type { Manifest, Rendition } from '../common/contracts';
import { MEDIA_KINDS } from '../common/kinds';
import { DarkroomError } from '../common/errors';
import { joinUri, printable, segmentProblem } from './uri';

/** Bytes of a manifest: fifty entries of metadata and a thousand renditions are less. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const text = z.string().max(10_000);
const count = z.number().int().min(0);
const time = z.string().max(40);

/** A path below the item's folder. */
const inside = z
  .string()
  .max(1024)
  .refine((value) => value.split('/').every((name) => segmentProblem(name) === undefined));

/** The same, or with a slash at its end: a folder. */
const place = z
  .string()
  .max(1024)
  .refine((value) => inside.safeParse(value.replace(/\/$/, '')).success);

const rendition = z.looseObject({
  name: text,
  role: text,
  path: inside,
  url: z.string().max(4096).optional(),
  mime: z.string().max(200),
  width: count.optional(),
  height: count.optional(),
  bytes: count,
  sha256: z.string().max(128),
  segments: z.looseObject({ count, bytes: count }).optional(),
  receipt: z.string().max(100).optional(),
});

const receipt = z.looseObject({
  activity: z.string().max(100),
  attempt: count,
  worker: z.string().max(300),
  cpuSeconds: z.number().min(0),
  peakBytes: z.number().min(0),
  commands: z.array(z.looseObject({ argv: z.array(z.string()) })).max(1000),
});

/** What readers rely on. Later versions may say more, so what is not known here is kept as it is. */
const schema = z.looseObject({
  version: z.literal(1),
  batchId: text,
  itemKey: text,
  kind: z.enum(MEDIA_KINDS),
  source: z.looseObject({
    uri: text,
    bytes: count,
    sha256: z.string().max(128),
    fingerprint: text,
    format: z.string().max(100),
    width: count.optional(),
    height: count.optional(),
  }),
  preset: z.looseObject({ name: text, recipe: text }),
  watermarks: z
    .array(z.looseObject({ uri: text, bytes: count, sha256: z.string().max(128), fingerprint: text }))
    .max(32)
    .optional(),
  // A header of answers, so nothing that would end one.
  cacheControl: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/)
    .optional(),
  renditions: z.array(rendition).max(10_000),
  receipts: z.record(z.string().max(100), receipt).optional(),
  copiedFrom: z.looseObject({ manifest: text, batchId: text, itemKey: text }).optional(),
  replaces: z.array(place).max(10_000).optional(),
  placeholder: z
    .looseObject({
      thumbhash: text,
      dominant: z.string().max(20),
      palette: z.array(z.string().max(20)).max(16).optional(),
    })
    .optional(),
  perceptualHash: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  picture: z
    .looseObject({
      sources: z.array(z.looseObject({ type: z.string().max(200), srcset: z.string().max(100_000) })).max(16),
      sizes: text,
      html: z.string().max(200_000),
    })
    .optional(),
  warnings: z.array(text).max(1000),
  timings: z.record(z.string(), z.number()),
  tools: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.string()).optional(),
  tenant: text,
  requestedAt: time,
  publishedAt: time,
  workflow: z.looseObject({ id: text, runId: text, attempt: count }),
});

/** Bytes of all files, those that a stream leads to included. */
export function bytesOf(renditions: readonly Pick<Rendition, 'bytes' | 'segments'>[]): number {
  return renditions.reduce((sum, { bytes, segments }) => sum + bytes + (segments?.bytes ?? 0), 0);
}

export function manifestUri(itemUri: string): string {
  return joinUri(itemUri, 'manifest.json');
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** @throws InvalidJob for a file that is not Darkroom's: it is somebody's, and must not be overwritten. */
export function parseManifest(text: string, uri: string): Manifest {
  try {
    const found = schema.safeParse(JSON.parse(text));
    if (found.success) return found.data as unknown as Manifest;
  } catch {
    // Answered below, like JSON of another shape.
  }
  throw notManifest(uri);
}

export function notManifest(uri: string): DarkroomError {
  return new DarkroomError('InvalidJob', `${printable(uri)} is there already, but is not a manifest of Darkroom's.`);
}
