import { readFile } from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { DarkroomError, tail } from '../../common/errors';
import { IMAGE_FORMATS } from '../formats';
import type { ImageRenditionSpec } from '../presets/schema';
import { withProfile } from './wide';

type Encode = typeof import('@jsquash/jxl/encode.js').default;

let loaded: Promise<Encode> | undefined;

/** libjxl as WebAssembly, read from the package once a process, when the first JPEG XL is asked for. */
async function load(): Promise<Encode> {
  const { default: encode, init } = await import('@jsquash/jxl/encode.js');
  const wasmBinary = await readFile(require.resolve('@jsquash/jxl/codec/enc/jxl_enc.wasm'));
  const options: object = { wasmBinary };
  await init(options);
  return encode;
}

/**
 * Encodes the pixels of a pipeline as JPEG XL: sRGB, 8 bits, with an alpha channel. One at a time: the memory of the
 * encoder is used again, and never given back.
 * @throws DarkroomError EncoderFailed
 */
export async function encodeJxl(
  pipeline: Sharp,
  { quality = IMAGE_FORMATS.jxl.quality, effort = 3, lossless = false, greyscale = false }: ImageRenditionSpec,
): Promise<{ data: Buffer; info: { width: number; height: number } }> {
  // As raw pixels, sharp gives of a grey picture one channel, whatever is asked of it.
  const coloured = greyscale ? (await withProfile(pipeline))(false) : pipeline;
  const { data, info } = await coloured
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  try {
    const encode = await (loaded ??= load());
    const pixels = new Uint8ClampedArray(data.buffer, data.byteOffset, data.length);
    const options = { effort, ...(lossless ? { lossless } : { quality }) };
    const encoded = await encode({ data: pixels, width, height, colorSpace: 'srgb' }, options);
    return { data: Buffer.from(encoded), info: { width, height } };
  } catch (error) {
    // After a failure its memory is in no known state.
    loaded = undefined;
    const details = { width, height, message: tail(String(error)) };
    throw new DarkroomError('EncoderFailed', 'The JPEG XL encoder failed.', details, { cause: error });
  }
}
