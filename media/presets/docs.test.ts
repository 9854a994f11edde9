import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectRoot } from '../../common/paths';
import { formatRow, RENDITION_FORMAT_NAMES } from '../formats';
import { CODEC_NAMES, codecOf } from '../video/codecs';
import { parsePreset } from '.';
import { presetFile } from './schema';

const text = readFileSync(path.join(projectRoot(), 'docs/presets.md'), 'utf8');

/** Rows of a table: the cells, without the backquotes around whole words. */
const rows = (section: string) =>
  section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())); // prettier-ignore
const bare = (cell = '') => cell.replaceAll('`', '');

/** Sections of the page by heading: `image.renditions[]`. The fields of the whole file have no path in front. */
const sections = new Map(text.split(/^## /m).map((section) => [bare(/^.*/.exec(section)?.[0]), section] as const));

interface Field {
  /** Heading of the section that its row stands in. */
  section: string;
  name: string;
  schema: z.ZodType;
  values: string;
  fallback: string;
}

/** Every field of the schema, in its order, with what the schema says of it. */
function fieldsOf(schema: z.ZodType, section: string): Field[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const fallback = field instanceof z.ZodDefault ? String(field.def.defaultValue) : '';
    const optional = field instanceof z.ZodOptional ? 'none' : 'needed';
    const inner =
      field instanceof z.ZodOptional || field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
    const element = inner instanceof z.ZodArray ? (inner.element as z.ZodType) : inner;
    const at = section === 'The file' ? name : `${section}.${name}`;
    return [
      { section, name, schema: field, values: valuesOf(inner), fallback: fallback || optional },
      ...fieldsOf(element, inner === element ? at : `${at}[]`),
    ];
  });
}

/** Limits as the page writes them. */
function valuesOf(schema: z.ZodType): string {
  const { type, minimum, maximum, enum: names, minItems, maxItems, anyOf } = z.toJSONSchema(schema, { io: 'input' });
  if (names) return names.join(', ');
  if (anyOf) return 'number or text';
  if (type === 'array') return `${minItems} to ${maxItems} of them`;
  if (type === 'object') return 'section';
  if (type === 'boolean') return 'true, false';
  if (type === 'string') return 'text';
  return maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} to ${maximum}`;
}

const fields = fieldsOf(presetFile, 'The file');

describe('docs/presets.md', () => {
  test('has the sections of the schema, and a row for each field in the order of the schema', () => {
    for (const section of new Set(fields.map((field) => field.section))) {
      const wanted = fields.filter((field) => field.section === section).map(({ name }) => name);
      const written = rows(sections.get(section) ?? '').map(([name]) => bare(name));
      expect({ [`## ${section}`]: written }).toEqual({ [`## ${section}`]: wanted });
    }
  });

  test.each(fields.map((field) => [`${field.section}: ${field.name}`, field] as const))(
    '%s: values and default are those of the schema, and the example is valid',
    (_name, { section, name, schema, values, fallback }) => {
      const row = rows(sections.get(section) ?? '').find(([written]) => bare(written) === name);
      const [, unit, writtenValues, writtenFallback, example, meaning] = row ?? [];
      expect([bare(writtenValues), bare(writtenFallback)]).toEqual([values, fallback]);
      expect(unit).not.toBe('');
      expect(meaning?.length).toBeGreaterThan(10);
      const written = parse(bare(example)) as Record<string, unknown>;
      expect(Object.keys(written)).toEqual([name]);
      expect(schema.safeParse(written[name]).error?.message).toBeUndefined();
    },
  );

  test('knows every format with its efforts, and every codec with its worst crf and least size', () => {
    const formats = rows(sections.get('Formats') ?? '').map(([name, , , effort]) => [bare(name), effort]);
    const efforts = (name: (typeof RENDITION_FORMAT_NAMES)[number]) => formatRow(name).effort?.join('–') ?? 'none';
    expect(formats).toEqual(RENDITION_FORMAT_NAMES.map((name) => [name, efforts(name)]));
    const codecs = rows(sections.get('Codecs') ?? '').map(([name, , crf, side]) => [bare(name), crf, side]);
    const facts = (codec: (typeof CODEC_NAMES)[number]) => codecOf({ codec });
    expect(codecs).toEqual(
      CODEC_NAMES.map((codec) => [codec, `0–${facts(codec).maxCrf}`, `${facts(codec).minSide} px`]),
    );
  });

  test('shows presets that are valid', () => {
    const examples = [...text.matchAll(/```yaml\n([^]*?)```/g)].map(([, yaml = '']) => yaml);
    expect(examples.length).toBeGreaterThan(0);
    for (const yaml of examples) expect(() => parsePreset('docs', yaml)).not.toThrow();
  });
});
