import path from 'node:path';

/** The files that Darkroom publishes, and what people feed it; a file system keeps no types of its own. */
const TYPES: Record<string, string> = {
  avif: 'image/avif',
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  m3u8: 'application/vnd.apple.mpegurl',
  m4s: 'video/iso.segment',
  mov: 'video/quicktime',
  mp4: 'video/mp4',
  mpd: 'application/dash+xml',
  png: 'image/png',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  vtt: 'text/vtt',
  webm: 'video/webm',
  webp: 'image/webp',
};

/** MIME type by the name's extension; a hint for answers, never proof of what a source is. */
export function contentTypeOf(name: string): string | undefined {
  return TYPES[path.extname(name).slice(1).toLowerCase()];
}
