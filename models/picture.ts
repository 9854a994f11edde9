import sharp from 'sharp';
import { decodeFailure } from '../media/image/failures';
import { withSvg } from '../media/image/loaders';
import { identify, openSource } from '../media/image/source';
import type { ModelTask } from './model';
import type { Pixels } from './ocr/read-line';

/** px of the longer side of what models see. */
const MOST_SIDE = 4096;

type Size = Pick<Pixels, 'width' | 'height'>;

/** Decodes a picture's first frame, upright, in sRGB over white, and hands it to a model. @throws DarkroomError */
export async function openPicture<T>(task: ModelTask, use: (picture: Pixels, size: Size) => Promise<T>): Promise<T> {
  const identity = await identify(task);
  const decode = async (): Promise<[Pixels, Size]> => {
    const { input, options, facts } = await openSource(identity, task.limits);
    const { data, info } = await sharp(input, options)
      .autoOrient()
      .resize({ width: MOST_SIDE, height: MOST_SIDE, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return [{ data, width: info.width, height: info.height }, facts];
  };
  const decoded = identity.format === 'svg' ? withSvg(decode) : decode();
  const [picture, size] = await decoded.catch((error: unknown) => {
    throw decodeFailure(error, identity.name);
  });
  return use(picture, size);
}
