import type { VideoStream } from '../types';

/** Are the pictures of the source coded as red, green and blue? */
export const isRgb = ({ colour, pixFmt }: VideoStream) =>
  colour.matrix === 'gbr' || /^(gbr|rgb|bgr|argb|abgr|pal8)/.test(pixFmt);

/** The matrix of finished pictures, as the filter `scale` names it. @param height px of them */
export function matrixOf(video: VideoStream, height: number): string {
  if (video.hdr) return 'bt709';
  const { matrix } = video.colour;
  if (matrix === undefined || isRgb(video)) return guess(isRgb(video) ? height : video.height);
  if (matrix.startsWith('bt2020')) return 'bt2020';
  return ['bt709', 'fcc', 'smpte240m'].includes(matrix) ? matrix : 'smpte170m';
}

/** What players assume where nothing is stated. */
const guess = (height: number): string => (height >= 720 ? 'bt709' : 'smpte170m');

/** RGB sources take the matrix that players assume for the size. */
export function matrixOption(video: VideoStream, height: number): string {
  return isRgb(video) ? `:out_color_matrix=${guess(height)}` : '';
}

/**
 * Where the source does not state its matrix, players guess by the size, and would guess otherwise for a smaller rung:
 * so the guess for the source's own size is written down.
 */
export function colourTags(video: VideoStream, height: number): string[] {
  if (video.hdr || (video.colour.matrix !== undefined && !isRgb(video))) return [];
  const name = guess(isRgb(video) ? height : video.height);
  return [`setparams=colorspace=${name}:color_primaries=${name}:color_trc=${name}`];
}
