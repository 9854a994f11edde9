import type { Manifest, Rendition } from '../../../../common/contracts';
import { isHls, pictureFor, playables } from './pictures';

/**
 * HTML for a page that plays a video or a sound: a stream first, for browsers that know HLS, then files that every browser
 * knows, the tallest first, and the captions.
 * @param addressOf absolute address of a published file
 * @returns undefined for what is not played
 */
export function playerHtml(manifest: Manifest, addressOf: (rendition: Rendition) => string): string | undefined {
  if (manifest.kind === 'video') return videoHtml(manifest, addressOf);
  return manifest.kind === 'audio' ? audioHtml(manifest, addressOf) : undefined;
}

type AddressOf = (rendition: Rendition) => string;

function videoHtml(manifest: Manifest, addressOf: AddressOf): string | undefined {
  const files = playables(manifest);
  if (files.length === 0) return undefined;
  const poster = pictureFor(manifest, 1280);
  const tallest = files.find((file) => !isHls(file));
  const size = { width: tallest?.width, height: tallest?.height };
  const tracks = manifest.renditions.flatMap((rendition) => {
    const { role, mime, track } = rendition;
    if (role !== 'captions' || mime !== 'text/vtt' || track === undefined) return [];
    const kind = track.sdh ? 'captions' : 'subtitles';
    return [
      `  <track ${attributes({ kind, src: addressOf(rendition), srclang: track.language, label: track.label })}>`,
    ];
  });
  const open = attributes({ poster: poster && addressOf(poster), ...size });
  return [
    `<video controls playsinline preload="metadata"${open === '' ? '' : ` ${open}`}>`,
    ...files.map((file) => `  <source ${attributes({ src: addressOf(file), type: typeOf(file) })}>`),
    ...tracks,
    '</video>',
  ].join('\n');
}

function audioHtml({ renditions }: Manifest, addressOf: AddressOf): string | undefined {
  const files = renditions.filter(({ role }) => role === 'audio');
  if (files.length === 0) return undefined;
  const sources = files.map((file) => `  <source ${attributes({ src: addressOf(file), type: typeOf(file) })}>`);
  return ['<audio controls preload="metadata">', ...sources, '</audio>'].join('\n');
}

const typeOf = ({ mime, codecs }: Rendition): string =>
  codecs === undefined || mime.includes('mpegurl') ? mime : `${mime}; codecs="${codecs}"`;

const ESCAPES: Record<string, string> = { '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' };

function attributes(given: Record<string, string | number | undefined>): string {
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${String(value).replace(/[&"<>]/g, (sign) => ESCAPES[sign] ?? sign)}"`)
    .join(' ');
}
