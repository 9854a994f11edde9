import { readFile, stat } from 'node:fs/promises';
import sharp, { type Metadata, type SharpOptions } from 'sharp';
import { DarkroomError } from '../../common/errors';
import { sniffFile } from '../sniff';
import { fileFailure } from './failures';
import { isApng } from './foreign/apng';
import { isHdr, isPlain, type Cicp } from './foreign/colour';
import type { Watermarks } from './edit/overlays';
import { readerOf } from './foreign';
import { mainPicture } from './foreign/iso';
import { assertWithin, grouped } from './limits';
import { assertReadable } from './refuse';
import { assertSafeSvg, MAX_SVG_BYTES, picturesIn } from './svg';
import type { ImagePreset } from '../presets/schema';
import type { Converted, ImageLimits, ImageSource, ImageTask } from './types';

/** A source that was sniffed, and whose header was read and found within limits; nothing is decoded yet. */
export interface OpenSource {
  /** A path; for SVG the checked bytes, so that the renderer has no folder to resolve names against. */
  input: string | Buffer;
  /** Format for people, for example `AVIF`. */
  name: string;
  facts: ImageSource;
  metadata: Metadata;
  /** More than one frame, in a format whose frames are a moving picture. */
  animated: boolean;
  /** For every pipeline that reads `input`. */
  options: SharpOptions;
  /** What the pixels mean, where they are no plain sRGB and have no profile: wide, or high dynamic range. */
  cicp?: Cicp;
  warnings: string[];
  /** What a model has found: px of the upright picture. */
  faces?: ImageTask['faces'];
  /** By the source that the preset names. */
  watermarks?: Watermarks;
}

/** What a file is, before anything of it is decoded. */
export interface Identity {
  input: string | Buffer;
  format: string;
  name: string;
  /** The bytes are not the file's own: some may be missing, so nothing that a decoder complains of passes. */
  isMended?: boolean;
}

/** What the file is, by content. @throws DarkroomError UnsupportedMedia, CorruptMedia (empty), Source… */
export async function identify(
  task: Pick<ImageTask, 'input' | 'allowSvg'> & { preset?: Pick<ImagePreset, 'animation'> },
): Promise<Identity> {
  const { size } = await stat(task.input).catch((error: unknown) => {
    throw fileFailure(error, 'input');
  });
  if (size === 0) throw new DarkroomError('CorruptMedia', 'The file is empty.', { bytes: 0 });
  const sniffed = await sniffFile(task.input).catch((error: unknown) => {
    throw fileFailure(error, 'input');
  });
  assertReadable(sniffed, task.allowSvg);
  const { format, name } = sniffed;
  // Of a moving PNG, the decoder of PNGs shows the picture for programs that know no movement.
  const isMoving = format === 'png' && task.preset?.animation === 'keep' && isApng(await readFile(task.input));
  if (isMoving) return { input: task.input, format: 'apng', name: 'APNG' };
  if (format !== 'svg') return { input: task.input, format, name };
  if (size > MAX_SVG_BYTES) {
    throw new DarkroomError('MediaTooLarge', `The SVG has ${size} bytes; at most ${MAX_SVG_BYTES} are read.`);
  }
  const bytes = await readFile(task.input);
  assertSafeSvg(bytes);
  return { input: bytes, format, name };
}

/** Formats whose frames are a moving picture. */
const MOVING = ['gif', 'webp', 'apng'];

/** Reads the header and holds it against the limits. @throws what sharp throws; DarkroomError MediaTooLarge */
export async function openSource(identity: Identity, limits: ImageLimits): Promise<OpenSource> {
  const { format, name, isMended = false } = identity;
  const { input, warnings } = await converted(identity, limits);
  const options: SharpOptions = {
    failOn: isMended ? 'warning' : 'error',
    limitInputPixels: limits.maxPixels,
    sequentialRead: true,
  };
  // The limit is our own check below, which can say the numbers.
  const metadata = await sharp(input, { ...options, limitInputPixels: false }).metadata();
  const { orientation = 1, pages = 1 } = metadata;
  const frame = { width: metadata.width, height: metadata.pageHeight ?? metadata.height };
  const animated = pages > 1 && MOVING.includes(format);
  assertWithin(limits, frame.width, frame.height, animated ? pages : 1);
  if (format === 'svg' && Buffer.isBuffer(input)) await assertPicturesWithin(input, limits);
  const upright = orientation >= 5 ? { width: frame.height, height: frame.width } : frame;
  return {
    input,
    name,
    facts: { format, ...upright, ...(pages > 1 ? { pages } : {}) },
    metadata,
    animated,
    options,
    ...(await colourOf(identity, metadata)),
    warnings: [
      ...warnings,
      ...(pages > 1 && !animated ? [`The file has ${pages} pages; only its main one was used.`] : []),
      ...(isMended ? ['The file lacks its end marker; nothing of the picture is missing.'] : []),
    ],
  };
}

/** Pictures inside of one drawing; more are no drawing. */
const MOST_PICTURES = 100;

/** The pictures inside of an SVG count together, as frames do. @throws DarkroomError UnsupportedMedia, MediaTooLarge */
async function assertPicturesWithin(svg: Buffer, limits: ImageLimits): Promise<void> {
  const pictures = picturesIn(svg);
  const refuse = (reason: string): never => {
    throw new DarkroomError('UnsupportedMedia', `This SVG is refused because it has ${reason}.`, { format: 'svg' });
  };
  if (pictures.length > MOST_PICTURES) refuse(`more than ${MOST_PICTURES} pictures in it`);
  let pixels = 0;
  for (const picture of pictures) {
    const { width, height } = await sharp(picture, { limitInputPixels: false })
      .metadata()
      .catch(() => refuse('a picture in it that cannot be read'));
    pixels += width * height;
  }
  if (pixels <= limits.maxPixels) return;
  const sentence = `The pictures in this SVG have ${grouped(pixels)} pixels in all; at most ${grouped(limits.maxPixels)} are read.`;
  throw new DarkroomError('MediaTooLarge', sentence, { pixels, maxPixels: limits.maxPixels });
}

function converted(
  { input, format, name }: Identity,
  limits: ImageLimits,
): Promise<Converted> | Pick<OpenSource, 'input' | 'warnings'> {
  const reader = readerOf(format);
  return reader && typeof input === 'string' ? reader(input, limits, name) : { input, warnings: [] };
}

/** An AVIF says what its colours mean beside its pixels. */
async function colourOf({ input, format }: Identity, { icc }: Metadata): Promise<{ cicp?: Cicp }> {
  if (format !== 'avif') return {};
  const { cicp } = mainPicture(typeof input === 'string' ? await readFile(input) : input);
  return cicp && (isHdr(cicp) || (icc === undefined && !isPlain(cicp))) ? { cicp } : {};
}
