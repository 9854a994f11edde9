import sharp from 'sharp';
import type { FacesFound } from '../../common/analysis';
import type { Model } from '../model';
import type { Pixels } from '../ocr/read-line';
import { modelFile, type Runtime } from '../runtime';
import { findFaces, type Face } from './find-faces';

/** px: the network sees a square of this side, with the picture in its middle. */
const SIDE = 256;
/** Faces in one manifest. */
const MOST_FACES = 100;

/** BlazeFace with a range of some metres: faces that take a twentieth of the longer side, or more. */
export async function load(runtime: Runtime): Promise<Model<'faces'>> {
  const run = await runtime.openNetwork(modelFile('faces', 'network'));
  return async (picture, size) => {
    const data = await square(picture);
    const results = await run({ 'input:0': { type: 'float32', data, dims: [1, SIDE, SIDE, 3] } });
    const output = (name: string): Float32Array => {
      const tensor = results[`${name}:0`];
      if (tensor === undefined) throw new Error(`the network has no output ${name}`);
      return tensor.data;
    };
    const grids = [
      { scores: output('Identity'), boxes: output('Identity_2'), cells: 16, guesses: 2 },
      { scores: output('Identity_1'), boxes: output('Identity_3'), cells: 8, guesses: 6 },
    ];
    return { faces: found(findFaces(grids, SIDE), size) };
  };
}

/** The picture in the middle of a black square; channels from -1 to 1. */
async function square({ data, ...raw }: Pixels): Promise<Float32Array> {
  const pixels = await sharp(data, { raw: { ...raw, channels: 3 }, limitInputPixels: false })
    .resize({ width: SIDE, height: SIDE, fit: 'contain', background: '#000000' })
    .removeAlpha()
    .raw()
    .toBuffer();
  return Float32Array.from(pixels, (value) => value / 127.5 - 1);
}

/** What the manifest says: boxes in px of the source, cut at its edges. */
function found(faces: Face[], { width, height }: { width: number; height: number }): FacesFound {
  const longer = Math.max(width, height);
  const within = (at: number, whole: number): number =>
    Math.round(Math.min(whole, Math.max(0, at * longer - (longer - whole) / 2)));
  const all = faces.flatMap((face) => {
    const [left, right] = [within(face.x, width), within(face.x + face.width, width)];
    const [top, bottom] = [within(face.y, height), within(face.y + face.height, height)];
    if (right <= left || bottom <= top) return [];
    const confidence = Math.round(face.confidence * 1000) / 1000;
    return [{ confidence, x: left, y: top, width: right - left, height: bottom - top }];
  });
  const omitted = all.length - MOST_FACES;
  return { boxes: all.slice(0, MOST_FACES), ...(omitted > 0 && { omitted }) };
}
