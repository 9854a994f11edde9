import type { AvifOptions, GifOptions, JpegOptions, PngOptions, Sharp, WebpOptions } from 'sharp';
import type { ImageRenditionSpec } from '../presets/schema';
import { encodeJxl } from './jxl';
import { IMAGE_FORMATS, isFilm, type ImageFormat } from '../formats';
import { embed } from './metadata/embed';
import type { Kept } from './metadata/kept';

/** mozjpeg's own table, smaller at the same look than the one in the JPEG standard's annex. */
const MOZJPEG_TABLE = 3;

/**
 * sharp's output options by format. Defaults are Darkroom's, not sharp's: AVIF and WebP at effort 2, since effort is where the
 * time goes.
 */
const SHARP_OPTIONS = {
  jpeg: ({ quality = IMAGE_FORMATS.jpeg.quality, trellis = false }: ImageRenditionSpec): JpegOptions => ({
    quality,
    progressive: true,
    quantisationTable: MOZJPEG_TABLE,
    // `trellis` is the full mozjpeg: about 6 % smaller for several times the time.
    trellisQuantisation: trellis,
    overshootDeringing: trellis,
    optimiseScans: trellis,
  }),
  // sharp's own `effort` would turn on a palette of 256 colours; ours stays lossless and sets the compression.
  png: ({ effort = 6 }: ImageRenditionSpec): PngOptions => ({
    compressionLevel: Math.min(9, effort),
    adaptiveFiltering: true,
  }),
  webp: ({ quality = IMAGE_FORMATS.webp.quality, effort = 2, lossless = false }: ImageRenditionSpec): WebpOptions => ({
    quality,
    effort,
    lossless,
  }),
  // Half-resolution colour, as in the JPEG and WebP renditions; sharp's default is 4:4:4.
  avif: ({ quality = IMAGE_FORMATS.avif.quality, effort = 2, lossless = false }: ImageRenditionSpec): AvifOptions => ({
    quality,
    effort,
    lossless,
    chromaSubsampling: lossless ? '4:4:4' : '4:2:0',
  }),
  // 256 colours a frame, chosen anew: those of the source may not be those of a resized picture.
  gif: ({ effort = 4 }: ImageRenditionSpec): GifOptions => ({ effort, reuse: false }),
};

/** The options that sharp gets for a rendition. */
export function sharpOptions(spec: ImageRenditionSpec & { format: keyof typeof SHARP_OPTIONS }) {
  return SHARP_OPTIONS[spec.format](spec);
}

/** An encoded rendition; `info` in px. */
export interface Encoded {
  data: Buffer;
  info: { width: number; height: number; pages?: number; pageHeight?: number };
  /** What a search over quality came to. */
  reached?: Reached;
  /** The picture of the source, not encoded again. */
  original?: true;
}

/** The quality that was chosen, and how like the pixels the result then is (SSIM of the luminance, where it was asked for). */
export interface Reached {
  quality: number;
  ssim?: number;
}

/** Encodes the pixels of a pipeline, which has the rendition's size already. */
type Encoder = (pipeline: Sharp, spec: ImageRenditionSpec) => Promise<Encoded>;

const bySharp =
  (format: keyof typeof SHARP_OPTIONS): Encoder =>
  (pipeline, spec) =>
    pipeline.toFormat(format, SHARP_OPTIONS[format](spec)).toBuffer({ resolveWithObject: true });

const ENCODERS: Record<ImageFormat, Encoder> = {
  jpeg: bySharp('jpeg'),
  png: bySharp('png'),
  webp: bySharp('webp'),
  avif: bySharp('avif'),
  jxl: encodeJxl,
  gif: bySharp('gif'),
};

/** Encodes the pixels of a pipeline in the format of the rendition, with the metadata that is kept. */
export async function encode(pipeline: Sharp, spec: ImageRenditionSpec, kept: Kept = {}): Promise<Encoded> {
  const { format } = spec;
  if (isFilm(format)) throw new TypeError('A video is no picture: ffmpeg makes it.');
  const encoded = await ENCODERS[format](pipeline, spec);
  return { ...encoded, data: embed(format, encoded.data, kept) };
}
