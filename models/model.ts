import type { Analysis } from '../common/analysis';
import type { Pixels } from './ocr/read-line';
import type { PictureModel } from '../common/models';

/** Work for the process of a model. */
export interface ModelTask {
  /** Path of the picture, or of the samples of the sound (media/audio/samples.ts). */
  input: string;
  /** Bounds of a picture that is decoded. */
  limits: { maxPixels: number; maxFrames: number };
  allowSvg: boolean;
}

/**
 * A loaded model that looks at pictures.
 * @param picture upright, sRGB, possibly smaller than the source
 * @param size px of the source, upright
 */
export type Model<Name extends PictureModel> = (
  picture: Pixels,
  size: { width: number; height: number },
) => Promise<Required<Pick<Analysis, Name>>>;
