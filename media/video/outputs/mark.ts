import type { BranchId, Mark, VideoPlan, VideoStream } from '../types';
import { matrixOf } from './colour';

/** What of a plan bears a watermark, with the size of its pictures. Rungs that are passed through do not. */
export function markedBranches(plan: VideoPlan): { id: BranchId; width: number; height: number }[] {
  return [
    ...plan.rungs
      .filter(({ copy }) => !copy)
      .map(({ name, width, height }) => ({ id: `rung:${name}` as const, width, height })),
    ...(plan.preview ? [{ id: 'preview' as const, width: plan.preview.width, height: plan.preview.height }] : []),
  ];
}

/**
 * Lays a mark on finished pictures, each of them: chains from a pad to a pad. A source of its own within the graph, since
 * ffmpeg opens that anew where it builds the graph anew, in mid-stream.
 * @param height px of the pictures
 */
export function markChains(mark: Mark, video: VideoStream, height: number, from: string, to: string): string[] {
  const { file, left, top } = mark;
  // Even places and sizes, since the chroma has half the pixels.
  const [x, y] = [left - (left % 2), top - (top % 2)];
  const [width, rows] = [evenUp(mark.width + left - x), evenUp(mark.height + top - y)];
  const name = file.replace(/\W/g, '-');
  const picture = [
    `movie=filename=${file}:format_name=png_pipe:dec_threads=1`,
    // Earlier than any picture, since pictures before it would be without.
    'setpts=PTS-3600/TB',
    `crop=${width}:${rows}:${x}:${y}`,
    `scale=out_color_matrix=${matrixOf(video, height)}:out_range=tv`,
    'format=yuva420p',
  ];
  return [`${picture.join(',')}[${name}]`, `${from}[${name}]overlay=${x}:${y}:format=yuv420${to}`];
}

const evenUp = (length: number): number => length + (length % 2);
