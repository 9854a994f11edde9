/** As much of XML as XMP is written in: elements, attributes, text. No document types, so no entities of its own. */
export interface Element {
  /** Namespace and local name. */
  ns: string;
  name: string;
  attributes: { ns: string; name: string; value: string }[];
  children: (Element | string)[];
}

const TOKEN =
  /<!--[^]*?-->|<\?[^]*?\?>|<!\[CDATA\[([^]*?)\]\]>|<\/([^\s<>]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>/"']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
const ATTRIBUTE = /([^\s=<>/"']+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g;
/** Levels of elements inside of each other. */
const MAX_DEPTH = 40;
const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const XML_NS = 'http://www.w3.org/XML/1998/namespace';

/** The outermost element of a document; undefined for everything that is not well-formed, or declares a document type. */
export function parseXml(text: string): Element | undefined {
  const root: Element = { ns: '', name: '', attributes: [], children: [] };
  const open: { element: Element; tag: string; prefixes: ReadonlyMap<string, string> }[] = [
    { element: root, tag: '', prefixes: new Map([['xml', XML_NS]]) },
  ];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    const top = open.at(-1);
    if (match === null || top === undefined) return undefined;
    const [, cdata, closed, opened, attributes = '', empty, characters] = match;
    if (cdata !== undefined) top.element.children.push(cdata);
    if (characters !== undefined) top.element.children.push(decoded(characters));
    if (closed !== undefined && (open.length === 1 || open.pop()?.tag !== closed)) return undefined;
    if (opened === undefined) continue;
    const pairs = [...attributes.matchAll(ATTRIBUTE)].map(
      ([, key = '', one, other]) => [key, decoded(one ?? other ?? '')] as const,
    );
    const own = pairs.filter(([key]) => /^xmlns(:|$)/.test(key)).map(([key, ns]) => [key.slice(6), ns] as const);
    const prefixes = own.length === 0 ? top.prefixes : new Map([...top.prefixes, ...own]);
    const element: Element = {
      ...resolved(opened, prefixes),
      // An attribute without a prefix is in no namespace.
      attributes: pairs
        .filter(([key]) => !/^xmlns(:|$)/.test(key))
        .map(([key, value]) => ({ ...(key.includes(':') ? resolved(key, prefixes) : { ns: '', name: key }), value })),
      children: [],
    };
    top.element.children.push(element);
    if (empty === '') open.push({ element, tag: opened, prefixes });
    if (open.length > MAX_DEPTH) return undefined;
  }
  return open.length === 1 ? root.children.find((child) => typeof child !== 'string') : undefined;
}

function resolved(key: string, prefixes: ReadonlyMap<string, string>): { ns: string; name: string } {
  const colon = key.indexOf(':');
  return { ns: prefixes.get(colon < 0 ? '' : key.slice(0, colon)) ?? '', name: key.slice(colon + 1) };
}

function decoded(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));/gi,
    (all, hex?: string, number?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? all;
      const code = hex === undefined ? Number(number) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
}

/** Characters that XML cannot hold are left out. */
export const escaped = (text: string): string =>
  text

    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** An element as text, with a prefix for each namespace. */
export function writeXml({ ns, name, attributes, children }: Element, prefixOf: (ns: string) => string): string {
  const key = (space: string, local: string) => (space === '' ? local : `${prefixOf(space)}:${local}`);
  const pairs = attributes.map((each) => ` ${key(each.ns, each.name)}="${escaped(each.value)}"`).join('');
  const inner = children
    .map((child) => (typeof child === 'string' ? escaped(child) : writeXml(child, prefixOf)))
    .join('');
  return inner === '' ? `<${key(ns, name)}${pairs}/>` : `<${key(ns, name)}${pairs}>${inner}</${key(ns, name)}>`;
}
