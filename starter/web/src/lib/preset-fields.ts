/** What a field of a preset is, from its row in docs/presets.md, which a test compares with the schema. */
export interface FieldRow {
  /** Such as `px`; absent where it has none. */
  unit?: string;
  meaning: string;
}

/** By the heading of its section, such as `image.renditions[]`, and its name. The sections of the file have the heading ''. */
export type FieldRows = ReadonlyMap<string, ReadonlyMap<string, FieldRow>>;

const FILE = 'The file';

/** @param markdown docs/presets.md */
export function parseFieldRows(markdown: string): FieldRows {
  const sections = markdown.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const heading = bare(section.split('\n', 1)[0] ?? '');
      const rows = section.split('\n').flatMap((line) => {
        const cells = line.split('|').slice(1, -1);
        const [field = '', unit = ''] = cells.map((cell) => cell.trim());
        if (!/^`\w+`$/.test(field) || cells.length < 6) return [];
        const row: FieldRow = { meaning: withoutLinks(cells.at(-1)?.trim() ?? '') };
        return [[bare(field), unit === '–' ? row : { ...row, unit: bare(unit) }] as const];
      });
      return [heading === FILE ? '' : heading, new Map(rows)] as const;
    }),
  );
}

const bare = (text: string): string => text.trim().replaceAll('`', '');
const withoutLinks = (text: string): string => text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');

/** A value as a file has it: `640`, `{ ssim: 0.95 }`. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([name, each]) => `${name}: ${valueText(each)}`);
  return `{ ${fields.join(', ')} }`;
}
