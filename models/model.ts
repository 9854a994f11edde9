import type { Analysis } from '../common/analysis';
import type { Pixels } from './ocr/read-line';
import type { ModelName } from '../common/models';

/** Work for the process of a model. */
export interface ModelTask {
  /** Path of the picture. */
  input: string;
  /** Bounds of what is decoded. */
  limits: { maxPixels: number; maxFrames: number };
  allowSvg: boolean;
}

/**
 * A loaded model.
 * @param picture upright, sRGB, possibly smaller than the source
 * @param size px of the source, upright
 */
export type Model<Name extends ModelName> = (
  picture: Pixels,
  size: { width: number; height: number },
) => Promise<Required<Pick<Analysis, Name>>>;
