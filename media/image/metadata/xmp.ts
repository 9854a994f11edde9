import { escaped, parseXml, writeXml, type Element } from './xml';

/** Whose picture it is, where EXIF or IPTC say so. */
export interface Rights {
  creator?: string;
  rights?: string;
}

const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#';
const DC = 'http://purl.org/dc/elements/1.1/';
const PHOTOSHOP = 'http://ns.adobe.com/photoshop/1.0/';
/** Prefixes that readers know; others are numbered. */
const PREFIXES: Record<string, string> = {
  [RDF]: 'rdf',
  [DC]: 'dc',
  [PHOTOSHOP]: 'photoshop',
  'http://www.w3.org/XML/1998/namespace': 'xml',
  'http://ns.adobe.com/xap/1.0/': 'xmp',
  'http://ns.adobe.com/xap/1.0/rights/': 'xmpRights',
  'http://ns.adobe.com/xap/1.0/mm/': 'xmpMM',
  'http://ns.adobe.com/exif/1.0/': 'exif',
  'http://cipa.jp/exif/1.0/': 'exifEX',
  'http://ns.adobe.com/exif/1.0/aux/': 'aux',
  'http://ns.adobe.com/tiff/1.0/': 'tiff',
  'http://ns.adobe.com/camera-raw-settings/1.0/': 'crs',
  'http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/': 'Iptc4xmpCore',
  'http://iptc.org/std/Iptc4xmpExt/2008-02-29/': 'Iptc4xmpExt',
  'http://ns.useplus.org/ldf/xmp/1.0/': 'plus',
  'http://creativecommons.org/ns#': 'cc',
};

interface Name {
  ns: string;
  name: string;
}

/** Properties of the rights, with all that is inside of them. */
function isRights({ ns, name }: Name): boolean {
  if (ns === DC) return name === 'rights' || name === 'creator';
  if (ns === PHOTOSHOP) return name === 'Credit' || name === 'Source' || name === 'AuthorsPosition';
  return /\/xap\/1\.0\/rights\/$|\/\/ns\.useplus\.org\/|\/\/creativecommons\.org\/ns#$/.test(ns);
}

/** Names of places, in any namespace: position (EXIF, drones, phones), and the names of countries and towns (IPTC). */
const PLACE =
  /gps|latitude|longitude|altitude|location|coordinate|^(?:geo|city|town|state|province|country|region|world)|^(?:lat|long|lng)$/i;
/**
 * What holds for the source's file and not for a rendition: turn and size, thumbnails, regions in px of the whole picture,
 * parts that lie behind the picture (gain map, video, depth).
 */
const OF_THE_FILE =
  /^(?:Orientation|ImageWidth|ImageLength|PixelXDimension|PixelYDimension|NativeDigest|Thumbnails|Regions|RegionInfo|DocumentAncestors|HasExtendedXMP)$/;
const PARTS =
  /hdr-gain-map|\/photos\/1\.0\/(?:container|camera|depthmap|image|audio|creations)|HDRGainMap|apple\.com\/pixeldatainfo/i;

const isGone = ({ ns, name }: Name): boolean =>
  PLACE.test(name) || /geo/i.test(ns.replace(/.*\/\/[^/]*/, '')) || OF_THE_FILE.test(name) || PARTS.test(ns);

/**
 * XMP as far as it may be kept: only whose picture it is, or all but where it was taken and what no longer holds. What EXIF
 * or IPTC say of the rights is added where XMP does not.
 * @param packet of the source
 * @returns undefined where there is nothing to say
 */
export function filterXmp(packet: string | undefined, keep: 'copyright' | 'all', known: Rights): string | undefined {
  const root = packet === undefined ? undefined : parseXml(packet.replace(/^\ufeff/, '').trim());
  const properties = root === undefined ? [] : propertiesOf(root).filter((name) => keep === 'all' || isRights(name));
  const kept = properties.flatMap((property) => cleaned(property));
  const has = (local: string) => kept.some(({ ns, name }) => ns === DC && name === local);
  const added = [
    ...(known.rights && !has('rights') ? [list('rights', 'Alt', known.rights)] : []),
    ...(known.creator && !has('creator') ? [list('creator', 'Seq', known.creator)] : []),
  ];
  return kept.length + added.length === 0 ? undefined : packetOf([...kept, ...added]);
}

/** All properties of all descriptions; those written as attributes become elements. */
function propertiesOf(root: Element): Element[] {
  const rdf =
    root.ns === RDF && root.name === 'RDF' ? root : elements(root).find(({ ns, name }) => ns === RDF && name === 'RDF');
  return elements(rdf)
    .filter(({ ns, name }) => ns === RDF && name === 'Description')
    .flatMap((description) => [
      ...description.attributes
        .filter(({ ns }) => ns !== RDF && ns !== '' && PREFIXES[ns] !== 'xml')
        .map(({ ns, name, value }): Element => ({ ns, name, attributes: [], children: [value] })),
      ...elements(description).filter(({ ns }) => ns !== ''),
    ]);
}

function elements(element: Element | undefined): Element[] {
  return (element?.children ?? []).filter((child) => typeof child !== 'string');
}

/** The property without what has to go, however deep inside; nothing where it has to go itself. */
function cleaned(element: Element): Element[] {
  if (isGone(element)) return [];
  const attributes = element.attributes.filter((attribute) => !isGone(attribute));
  const children = element.children.flatMap((child): (Element | string)[] =>
    typeof child === 'string' ? [child] : cleaned(child),
  );
  return [{ ...element, attributes, children }];
}

function list(name: string, kind: 'Alt' | 'Seq', value: string): Element {
  const language = { ns: 'http://www.w3.org/XML/1998/namespace', name: 'lang', value: 'x-default' };
  const item: Element = { ns: RDF, name: 'li', attributes: kind === 'Alt' ? [language] : [], children: [value] };
  return { ns: DC, name, attributes: [], children: [{ ns: RDF, name: kind, attributes: [], children: [item] }] };
}

function packetOf(properties: Element[]): string {
  const used = new Map<string, string>();
  const prefixOf = (ns: string): string => {
    const prefix = used.get(ns) ?? (Object.hasOwn(PREFIXES, ns) ? (PREFIXES[ns] ?? '') : `ns${used.size}`);
    used.set(ns, prefix);
    return prefix;
  };
  prefixOf(RDF);
  const body = properties.map((property) => writeXml(property, prefixOf)).join('');
  const spaces = [...used]
    .filter(([, prefix]) => prefix !== 'xml')
    .map(([ns, prefix]) => ` xmlns:${prefix}="${escaped(ns)}"`)
    .join('');
  return `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF${spaces}><rdf:Description rdf:about="">${body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;
}
