import type { PictureMarkup, Rendition, WorkItem } from '../common/contracts';
import { formatRow, isFilm } from '../media/formats';
import type { ImageRenditionSpec } from '../media/presets/schema';

/** Fields of a rendition after which it is the same picture, only larger, smaller or in another file. */
const SAME_PICTURE = [
  ...['name', 'format', 'width', 'height', 'dpr', 'sharpen', 'larger'],
  ...['quality', 'effort', 'lossless', 'trellis', 'maxBytes', 'target'],
];
/** Renditions of one picture have the same shape, but for rounding to whole px. */
const SHAPE = 0.02;
const WHOLE_WIDTH = '100vw';

interface Shown extends Rendition {
  width: number;
  height: number;
}
interface Group {
  look: string;
  moves: boolean;
  shape: number;
  /** With the spec that each was made by. */
  members: { spec: ImageRenditionSpec; shown: Shown }[];
}

/**
 * The snippet for the item's page: of the pictures that the renditions are (a preset may cut a square beside whole ones), the
 * moving one, else that in the most sizes and formats. Its text for those who do not see it is `alt` of the job's metadata.
 * @returns undefined where nothing can be shown
 */
export function pictureOf({ preset, metadata }: WorkItem, renditions: Rendition[]): PictureMarkup | undefined {
  const { renditions: specs = [], sizes = WHOLE_WIDTH } = preset.image ?? {};
  const alt = metadata?.alt ?? '';
  const video = videoOf(specs, renditions, alt);
  const groups: Group[] = [];
  for (const spec of specs) {
    const shown = renditions.find(
      (rendition): rendition is Shown => rendition.name === spec.name && isShown(rendition),
    );
    if (shown === undefined) continue;
    const [look, moves, shape] = [lookOf(spec), shown.frames !== undefined, shown.width / shown.height];
    const isSame = (group: Group): boolean =>
      group.look === look && group.moves === moves && Math.abs(group.shape / shape - 1) <= SHAPE;
    const known = groups.find(isSame);
    if (known) known.members.push({ spec, shown });
    else groups.push({ look, moves, shape, members: [{ spec, shown }] });
  }
  const [best] = groups.sort((a, b) => Number(b.moves) - Number(a.moves) || b.members.length - a.members.length);
  if (best) return { ...markupOf(best, sizes, alt), ...(video !== undefined && { video }) };
  return video === undefined ? undefined : { sources: [], sizes, html: video, video };
}

/**
 * `<video>…</video>` of the silent videos of a moving picture, which runs like one: by itself, again and again, without sound.
 * Of each format the widest; all look like the first in the preset.
 */
function videoOf(specs: ImageRenditionSpec[], renditions: Rendition[], alt: string): string | undefined {
  const films = specs
    .filter(({ format }) => isFilm(format))
    .flatMap((spec) => {
      const shown = renditions.find(
        (each): each is Shown => each.role === 'video' && each.name === spec.name && each.width !== undefined,
      );
      return shown ? [{ spec, shown }] : [];
    });
  const [first] = films;
  if (first === undefined) return undefined;
  const alike = films.filter(({ spec }) => lookOf(spec) === lookOf(first.spec));
  alike.sort((a, b) => formatRow(a.spec.format).rank - formatRow(b.spec.format).rank || b.shown.width - a.shown.width);
  const best = alike.filter(({ spec }, at) => alike.findIndex((each) => each.spec.format === spec.format) === at);
  const { width, height } = best[0]!.shown;
  const label: Record<string, string> = alt === '' ? {} : { 'aria-label': alt };
  const sources = best.map(({ shown }) => {
    const { mime, codecs } = shown;
    const type = codecs === undefined ? mime : `${mime}; codecs="${codecs}"`;
    return `  <source ${attributes({ src: addressOf(shown), type })}>`;
  });
  const open = `<video autoplay loop muted playsinline ${attributes({ width, height, ...label })}>`;
  return [open, ...sources, '</video>'].join('\n');
}

const isShown = ({ role, width, height }: Rendition): boolean =>
  role === 'image' && width !== undefined && height !== undefined;

/** What a rendition shows, as far as its spec says. Fields that come later count until they are named above. */
function lookOf(spec: ImageRenditionSpec): string {
  const fields = Object.entries(spec).filter(([field]) => !SAME_PICTURE.includes(field));
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function markupOf({ members }: Group, sizes: string, alt: string): PictureMarkup {
  const formats = [...new Set(members.map(({ spec }) => spec.format))].sort(
    (a, b) => formatRow(a).rank - formatRow(b).rank,
  );
  // Behind a format that every browser shows, nothing is ever taken.
  const last = formats.findIndex((format) => formatRow(format).universal);
  const sets = (last < 0 ? formats : formats.slice(0, last + 1)).map((format) => {
    const files = members.filter(({ spec }) => spec.format === format).map(({ shown }) => shown);
    return { type: formatRow(format).mime, files: byWidth(files) };
  });
  const sources = sets.map(({ type, files }) => ({
    type,
    srcset: files.map((file) => `${addressOf(file)} ${file.width}w`).join(', '),
  }));
  const fallback = sources.at(-1)!;
  const widest = sets.at(-1)!.files.at(-1)!;
  const { width, height } = widest;
  const image = { src: addressOf(widest), srcset: fallback.srcset, sizes, width, height, alt };
  const html = [
    '<picture>',
    ...sources.slice(0, -1).map((source) => `  <source ${attributes({ ...source, sizes })}>`),
    `  <img ${attributes(image)}>`,
    '</picture>',
  ].join('\n');
  return { sources, sizes, html };
}

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(' ');
}

/** The narrowest first; of one width, the first in the preset. */
function byWidth(files: Shown[]): Shown[] {
  const widths = new Map<number, Shown>();
  for (const file of files) if (!widths.has(file.width)) widths.set(file.width, file);
  return [...widths.values()].sort((a, b) => a.width - b.width);
}

/** Where the public finds the file, else where it lies beside the manifest. A space or comma would end it within `srcset`. */
function addressOf({ url, path }: Shown): string {
  return url ?? path.split('/').map(encodeURIComponent).join('/');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}
