import type { FileType } from '../common/file-types';
import type { CodecName } from './video/codecs';

/**
 * The one table of image formats that renditions can have. The encoder of each is in `media/image/encode.ts`, which does not
 * compile while one of them is missing.
 */
interface FormatRow {
  readonly mime: FileType;
  /** For sentences: `JPEG`. */
  readonly name: string;
  /** px of a side that the container or the encoder can hold. */
  readonly maxSide: number;
  /** px of a whole picture that the encoder has memory for; absent where any that may be read will do. */
  readonly maxPixels?: number;
  /** Transparency is kept; otherwise it is laid on white. */
  readonly alpha: boolean;
  /** A colour profile can be embedded; otherwise the picture is converted to sRGB. */
  readonly profile: boolean;
  /** The encoder keeps high dynamic range. */
  readonly hdr?: true;
  /** The encoder keeps the movement of animated sources. */
  readonly animation: boolean;
  /** Lowest and highest effort of the encoder; absent where it knows none. */
  readonly effort?: readonly [least: number, most: number];
  readonly lossless: boolean;
  /** 1–100: quality of a rendition that names none; absent where the encoder knows none. */
  readonly quality?: number;
  /** Place among the sources of a `<picture>`, lowest first: a browser takes the first format that it knows. */
  readonly rank: number;
  /** Every browser shows it. */
  readonly universal?: true;
  /** Absent: this build of sharp reads the format back. */
  readonly unread?: true;
}

export const IMAGE_FORMATS = {
  jpeg: {
    mime: 'image/jpeg',
    name: 'JPEG',
    maxSide: 65_500,
    alpha: false,
    profile: true,
    animation: false,
    lossless: false,
    quality: 80,
    rank: 4,
    universal: true,
  },
  png: {
    mime: 'image/png',
    name: 'PNG',
    maxSide: 65_535,
    alpha: true,
    profile: true,
    animation: false,
    effort: [0, 10],
    lossless: false,
    rank: 5,
    universal: true,
  },
  webp: {
    mime: 'image/webp',
    name: 'WebP',
    maxSide: 16_383,
    alpha: true,
    profile: true,
    animation: true,
    effort: [0, 6],
    lossless: true,
    quality: 78,
    rank: 3,
  },
  avif: {
    mime: 'image/avif',
    name: 'AVIF',
    maxSide: 16_384,
    alpha: true,
    profile: true,
    hdr: true,
    animation: true,
    effort: [0, 9],
    lossless: true,
    quality: 55,
    rank: 1,
  },
  jxl: {
    mime: 'image/jxl',
    name: 'JPEG XL',
    maxSide: 65_535,
    // 90 bytes each while encoding; the encoder has room for 2 GiB.
    maxPixels: 12_000_000,
    alpha: true,
    profile: false,
    animation: false,
    // 8 and 9 take several times as long and as much memory for hardly a byte.
    effort: [1, 7],
    lossless: true,
    quality: 75,
    unread: true,
    rank: 2,
  },
  gif: {
    mime: 'image/gif',
    name: 'GIF',
    maxSide: 65_535,
    alpha: true,
    profile: false,
    animation: true,
    effort: [1, 10],
    lossless: false,
    rank: 6,
    universal: true,
  },
} as const satisfies Record<string, FormatRow>;

/** What a format of silent videos needs beside the facts of every format. */
interface FilmRow extends FormatRow {
  readonly mime: 'video/mp4' | 'video/webm';
  readonly animation: true;
  readonly quality: number;
  /** Row of `media/video/codecs.ts`. */
  readonly codec: CodecName;
  /** The encoder's constant rate factor for a quality of 1–100. */
  readonly crf: (quality: number) => number;
}

/** Silent videos of the frames of an animated source; ffmpeg makes them (`media/image/film`). */
export const FILM_FORMATS = {
  mp4: {
    mime: 'video/mp4',
    name: 'MP4',
    // More than that, the decoders of phones refuse.
    maxSide: 4096,
    alpha: false,
    profile: false,
    animation: true,
    lossless: false,
    quality: 70,
    codec: 'h264',
    crf: (quality) => Math.round(51 - 0.4 * quality),
    unread: true,
    rank: 2,
  },
  webm: {
    mime: 'video/webm',
    name: 'WebM',
    maxSide: 4096,
    alpha: false,
    profile: false,
    animation: true,
    lossless: false,
    quality: 70,
    codec: 'vp9',
    crf: (quality) => Math.round(63 - 0.45 * quality),
    unread: true,
    rank: 1,
  },
} as const satisfies Record<string, FilmRow>;

/**
 * What ffmpeg encodes of drawn frames: silent videos, and an AVIF of a source that moves.
 * `crf`: the encoder's constant rate factor for a quality of 1–100.
 */
export const DRAWN_FORMATS = {
  ...FILM_FORMATS,
  // As libheif sets it for stills.
  avif: { ...IMAGE_FORMATS.avif, crf: (quality: number) => Math.round(0.63 * (100 - quality)) },
} as const;
export type DrawnFormat = keyof typeof DRAWN_FORMATS;
export const DRAWN_FORMAT_NAMES = Object.keys(DRAWN_FORMATS) as [DrawnFormat, ...DrawnFormat[]];

export type ImageFormat = keyof typeof IMAGE_FORMATS;
export const IMAGE_FORMAT_NAMES = Object.keys(IMAGE_FORMATS) as [ImageFormat, ...ImageFormat[]];
export type FilmFormat = keyof typeof FILM_FORMATS;
export const FILM_FORMAT_NAMES = Object.keys(FILM_FORMATS) as [FilmFormat, ...FilmFormat[]];
/** What a rendition of an image can be. */
export type RenditionFormat = ImageFormat | FilmFormat;
export const RENDITION_FORMAT_NAMES = [...IMAGE_FORMAT_NAMES, ...FILM_FORMAT_NAMES] as const;

/** The formats of which something holds, for sentences: `webp, avif and jxl`. */
export function formatsThat(holds: (row: FormatRow, format: RenditionFormat) => boolean): string {
  const names = RENDITION_FORMAT_NAMES.filter((format) => holds(formatRow(format), format));
  return names.join(', ').replace(/, (?=\w+$)/, ' and ');
}

/** The row of a format. */
export function formatRow(format: RenditionFormat): FormatRow {
  return isFilm(format) ? FILM_FORMATS[format] : IMAGE_FORMATS[format];
}

/** True for what ffmpeg makes where the source moves. */
export function isDrawn(format: RenditionFormat): format is DrawnFormat {
  return Object.hasOwn(DRAWN_FORMATS, format);
}

/** True for a silent video. */
export function isFilm(format: RenditionFormat): format is FilmFormat {
  return Object.hasOwn(FILM_FORMATS, format);
}
