import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectRoot } from '../../common/paths';
import { isFilm, type RenditionFormat } from '../../media/formats';
import type { FilmFile } from '../../media/image/film';
import type { ImageFile } from '../../media/image/types';
import { IMAGE_FIELDS, RENDITION_FIELDS } from '../../media/presets/image';
import { presetFile, type ImagePreset } from '../../media/presets/schema';

/** A field of presets for images, in one of its values. */
export interface Variant {
  /** Part of file names: `fit-cover`. */
  name: string;
  /** `fit: cover`, and what was set beside it. */
  title: string;
  preset: ImagePreset;
}

/** All values of one field. */
export interface Group {
  field: string;
  /** What the field does, in the words of docs/presets.md. */
  meaning: string;
  variants: Variant[];
}

/** A variant as it came out. */
export interface Shown extends Variant {
  /** Its file lies in the gallery's folder; absent where it could not be made. */
  file?: ImageFile | FilmFile;
  /** What the media layer says of it, or why there is no picture. */
  notes: string[];
}
export type ShownGroup = Omit<Group, 'variants'> & { variants: Shown[] };

type Values = Record<string, unknown>;

/** What every picture is unless its field says otherwise. */
const BASE = { format: 'webp', width: 320 };
const SQUARE = { width: 240, height: 240 };

/** What a field, or one of its values, needs beside it. A field that is not here is fit to be seen alone. */
const BESIDE: Record<string, Values> = {
  fit: SQUARE,
  gravity: { ...SQUARE, fit: 'cover' },
  height: { width: undefined },
  trellis: { format: 'jpeg' },
  effort: { format: 'avif' },
  background: { ...SQUARE, fit: 'contain' },
  sharpen: { width: 240 },
  hdr: { format: 'avif' },
};
/** Of the section `image`. */
const BESIDE_IMAGE: Record<string, Values> = {
  animation: { format: 'gif' },
  focus: { ...SQUARE, fit: 'cover', gravity: 'focus' },
};

/**
 * Every field of the section `image` of presets in every value, or in its example where it has no list of values. Fields and
 * values are those of the schema, examples and meanings those of docs/presets.md: a new field is here without a line of its own.
 * @throws Error with the name of a field whose example makes no valid preset
 */
export async function allVariants(): Promise<Group[]> {
  const docs = await readFile(path.join(projectRoot(), 'docs/presets.md'), 'utf8');
  const { image } = presetFile.shape;
  const schema = z.toJSONSchema(image, { io: 'input' }) as Schema;
  const renditions = schema.properties?.['renditions']?.items?.properties ?? {};
  return [
    ...RENDITION_FIELDS.map((field) => groupOf(docs, 'image.renditions[]', field, renditions[field])),
    ...IMAGE_FIELDS.map((field) => groupOf(docs, 'image', field, schema.properties?.[field])),
  ];
}

interface Schema {
  type?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema;
}

function groupOf(docs: string, section: string, field: string, schema: Schema = {}): Group {
  const [example, meaning] = rowOf(docs, section, field);
  const values = schema.enum ?? [(parse(example) as Values)[field]];
  const isOfRendition = section !== 'image';
  const beside = (isOfRendition ? BESIDE : BESIDE_IMAGE)[field] ?? {};
  return { field: `${section}.${field}`, meaning, variants: values.map(variantOf) };

  function variantOf(value: unknown): Variant {
    const spec: Values = { ...BASE, ...beside, ...(isOfRendition && { [field]: value }) };
    const own = schema.enum === undefined ? '' : `-${textOf(value)}`;
    const name = `${field}${own}`.toLowerCase().slice(0, 32);
    // Frames of a photo that moves: see `make.ts`.
    const moving = isFilm(spec['format'] as RenditionFormat) && { animation: 'keep' };
    const looking = spec['gravity'] === 'faces' && { analyse: ['faces'] };
    const asked = { ...moving, ...looking, ...(!isOfRendition && { [field]: value }), renditions: [{ name, ...spec }] };
    const { success, data, error } = presetFile.safeParse({ image: asked });
    if (!success || data.image === undefined)
      throw new Error(`${section}.${field}: ${error?.issues[0]?.message ?? ''}`);
    const others = Object.entries(beside).filter(([key, each]) => key !== field && each !== undefined);
    const all = [[field, value] as const, ...others].map(([key, each]) => `${key}: ${textOf(each)}`);
    return { name, title: all.join(', '), preset: data.image };
  }
}

/** Example and meaning of a field, from the table under the heading of its section. */
function rowOf(docs: string, section: string, field: string): [example: string, meaning: string] {
  const [, after = ''] = docs.split(`\n## \`${section}\`\n`);
  const [table = ''] = after.split('\n## ');
  const row = table.split('\n').find((line) => line.startsWith(`| \`${field}\``));
  const cells = row?.split('|').map((cell) => cell.trim()) ?? [];
  const [, , , , , example = '', meaning = ''] = cells;
  if (example === '') throw new Error(`docs/presets.md has no row for ${section}.${field}`);
  return [example.replaceAll('`', ''), meaning];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
