/** The one table of file types that Darkroom publishes, shows or guesses from a name. Keys are MIME types. */
interface FileTypeRow {
  /** Without the dot; the first one is given to published files. */
  readonly extensions: readonly [string, ...string[]];
  /** Browsers show the file by themselves, and nothing in it can run. Other files are only ever saved. */
  readonly shown?: true;
}

export const FILE_TYPES = {
  'image/avif': { extensions: ['avif'], shown: true },
  'image/gif': { extensions: ['gif'], shown: true },
  'image/jxl': { extensions: ['jxl'] },
  'image/jpeg': { extensions: ['jpg', 'jpeg'], shown: true },
  'image/png': { extensions: ['png'], shown: true },
  'image/tiff': { extensions: ['tiff', 'tif'] },
  'image/webp': { extensions: ['webp'], shown: true },
  'video/mp4': { extensions: ['mp4'], shown: true },
  'video/quicktime': { extensions: ['mov'], shown: true },
  'video/webm': { extensions: ['webm'], shown: true },
  'video/iso.segment': { extensions: ['m4s'] },
  'audio/mp4': { extensions: ['m4a', 'm4b'], shown: true },
  'audio/ogg': { extensions: ['opus', 'ogg', 'oga'], shown: true },
  'audio/mpeg': { extensions: ['mp3'], shown: true },
  'audio/flac': { extensions: ['flac'], shown: true },
  'audio/wav': { extensions: ['wav'], shown: true },
  'audio/aac': { extensions: ['aac'], shown: true },
  'application/vnd.apple.mpegurl': { extensions: ['m3u8'] },
  'application/dash+xml': { extensions: ['mpd'] },
  'application/json': { extensions: ['json'] },
  'text/vtt': { extensions: ['vtt'] },
} as const satisfies Record<string, FileTypeRow>;

export type FileType = keyof typeof FILE_TYPES;

/** The row of a MIME type that comes from a manifest or a store; undefined for one that the table does not have. */
function rowOf(mime: string): FileTypeRow | undefined {
  return Object.hasOwn(FILE_TYPES, mime) ? FILE_TYPES[mime as FileType] : undefined;
}

/** The extension of a published file, without the dot. @throws Error for a type that is not in the table */
export function extensionOf(mime: string): string {
  const row = rowOf(mime);
  if (row === undefined) throw new Error(`common/file-types.ts has no row for ${mime}`);
  return row.extensions[0];
}

/** MIME type by the extension of a name; a hint for answers, never proof of what a source is. */
export function contentTypeOf(name: string): FileType | undefined {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase();
  if (extension === undefined) return undefined;
  return (Object.keys(FILE_TYPES) as FileType[]).find((mime) => rowOf(mime)?.extensions.includes(extension));
}

/** May a browser show a file of this type, from anybody? */
export function isShown(mime: string): boolean {
  return rowOf(mime)?.shown === true;
}
