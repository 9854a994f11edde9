import type { AvifOptions, JpegOptions, PngOptions, WebpOptions } from 'sharp';
import type { ImageFormat, ImageRenditionSpec } from '../../common/contracts';

export interface Size {
  width: number;
  height: number;
}

interface FormatRow {
  mime: string;
  extension: string;
  /** px of a side that the format's container or encoder can hold. */
  maxSide: number;
}

export const FORMATS: Record<ImageFormat, FormatRow> = {
  jpeg: { mime: 'image/jpeg', extension: 'jpg', maxSide: 65_500 },
  png: { mime: 'image/png', extension: 'png', maxSide: 65_535 },
  webp: { mime: 'image/webp', extension: 'webp', maxSide: 16_383 },
  avif: { mime: 'image/avif', extension: 'avif', maxSide: 16_384 },
};

/**
 * The size of a rendition: inside of the spec's box, the aspect ratio kept, never larger than the source, and small enough
 * for the format.
 * @param source px, upright
 */
export function targetSize(source: Size, spec: ImageRenditionSpec): Size {
  const { maxSide } = FORMATS[spec.format];
  const scale = Math.min(
    1,
    (spec.width ?? Infinity) / source.width,
    (spec.height ?? Infinity) / source.height,
    maxSide / source.width,
    maxSide / source.height,
  );
  const scaled = (side: number) => Math.max(1, Math.round(side * scale));
  return { width: scaled(source.width), height: scaled(source.height) };
}

/** sharp's output options, one of them by format. */
export type EncodeOptions =
  | { format: 'jpeg'; options: JpegOptions }
  | { format: 'png'; options: PngOptions }
  | { format: 'webp'; options: WebpOptions }
  | { format: 'avif'; options: AvifOptions };

/** mozjpeg's own table, smaller at the same look than the one in the JPEG standard's annex. */
const MOZJPEG_TABLE = 3;

/** What sharp is told for a rendition. Defaults are Darkroom's, not sharp's: AVIF and WebP at effort 2, where the time is. */
export function encodeOptions(spec: ImageRenditionSpec): EncodeOptions {
  const { quality, effort, lossless = false } = spec;
  switch (spec.format) {
    case 'jpeg':
      return {
        format: 'jpeg',
        options: {
          quality: quality ?? 80,
          progressive: true,
          quantisationTable: MOZJPEG_TABLE,
          // `trellis` is the full mozjpeg: about 6 % smaller for several times the time.
          trellisQuantisation: spec.trellis ?? false,
          overshootDeringing: spec.trellis ?? false,
          optimiseScans: spec.trellis ?? false,
        },
      };
    case 'png':
      // sharp's own `effort` would turn on a palette of 256 colours; ours stays lossless and sets the compression.
      return { format: 'png', options: { compressionLevel: Math.min(9, effort ?? 6), adaptiveFiltering: true } };
    case 'webp':
      return { format: 'webp', options: { quality: quality ?? 78, effort: effort ?? 2, lossless } };
    case 'avif':
      // Half-resolution colour, as in the JPEG and WebP renditions; sharp's default is 4:4:4.
      return {
        format: 'avif',
        options: {
          quality: quality ?? 55,
          effort: effort ?? 2,
          lossless,
          chromaSubsampling: lossless ? '4:4:4' : '4:2:0',
        },
      };
  }
}
