import { DarkroomError } from '../../common/errors';

/** Bytes; a drawing larger than this is no drawing. */
export const MAX_SVG_BYTES = 8 * 2 ** 20;

type Rule = [reason: string, forbidden: RegExp];

/** What may not stand anywhere in an SVG; the prefix of a name may be in any script. Looked for in the text as it is and with escapes undone. */
const FORBIDDEN: Rule[] = [
  ['declares a document type or entities', /<!(?:doctype|entity|element|attlist|notation)/i],
  ['asks for a style sheet', /<\?xml-stylesheet/i],
  ['contains a script', /<(?:[^\s<>"'=/:]+:)?script[\s/>]/i],
  ['embeds foreign content', /<(?:[^\s<>"'=/:]+:)?(?:foreignObject|iframe|embed|object|audio|video)[\s/>]/i],
  ['includes another document', /<(?:[^\s<>"'=/:]+:)?include[\s/>]/i],
  ['changes the base address', /\bxml:base\s*=/i],
  ['imports a style sheet', /@import/i],
];

/** References that stay inside of the file: a fragment of it, or a picture in the plain formats. */
const INTERNAL = /^\s*(?:#|data:image\/(?:png|jpeg|jpg);base64,)/i;

/** Values of href, xlink:href and src under any prefix (quoted or, in broken markup, bare), and arguments of CSS `url()`. */
const ATTRIBUTE = /[\s"'/](?:[^\s<>"'=/:]+:)?(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*))/gi;
const CSS_URL = /\burl\s*\(\s*["']?([^)]*)/gi;

/** Character references and CSS escapes undone, so that `&#117;rl(` and `\75rl(` are seen for what they are. */
function unescaped(text: string): string {
  const character = (code: number) => (code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd');
  return text
    .replace(/&#x([0-9a-f]+);?/gi, (_all, hex: string) => character(Number.parseInt(hex, 16)))
    .replace(/&#([0-9]+);?/g, (_all, digits: string) => character(Number(digits)))
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/\\([0-9a-f]{1,6})\s?/gi, (_all, hex: string) => character(Number.parseInt(hex, 16)))
    .replace(/\\(.)/g, '$1');
}

function problem(text: string): string | undefined {
  const rule = FORBIDDEN.find(([, pattern]) => pattern.test(text));
  if (rule) return rule[0];
  for (const match of text.matchAll(ATTRIBUTE)) {
    if (!INTERNAL.test(match[1] ?? match[2] ?? match[3] ?? '')) return 'refers to another file or host';
  }
  for (const match of text.matchAll(CSS_URL)) {
    if (!INTERNAL.test(match[1] ?? '')) return 'refers to another file or host';
  }
  return undefined;
}

/** A picture inside of an SVG; its bytes are what the references that `INTERNAL` lets through hold. */
const PICTURE = /data:image\/(?:png|jpeg|jpg);base64,([^"')]*)/gi;

/**
 * The pictures that stand in an SVG, as files of their own. The renderer decodes them by libraries that know no limit of ours.
 * @param svg that `assertSafeSvg` let through
 */
export function picturesIn(svg: Buffer): Buffer[] {
  const text = unescaped(svg.toString());
  return [...text.matchAll(PICTURE)].map(([, base64 = '']) => Buffer.from(percentDecoded(base64), 'base64'));
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * Refuses an SVG that could reach outside of itself. The renderer has guards of its own; this one does not trust them.
 * @throws DarkroomError UnsupportedMedia
 */
export function assertSafeSvg(bytes: Buffer): void {
  const text = utf8(bytes);
  const reason = text === undefined ? 'is not encoded as UTF-8' : (problem(text) ?? problem(unescaped(text)));
  if (reason !== undefined) {
    throw new DarkroomError('UnsupportedMedia', `This SVG is refused because it ${reason}.`, { format: 'svg' });
  }
}

/** Another encoding would hide what the rules look for. */
function utf8(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const declared = /^\s*<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)["']/i.exec(text)?.[1];
    return text.includes('\0') || (declared !== undefined && !/^(utf-?8|us-ascii)$/i.test(declared)) ? undefined : text;
  } catch {
    return undefined;
  }
}
