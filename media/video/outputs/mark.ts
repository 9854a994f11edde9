import type { HdrPlan } from '../hdr';
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

/** cd/m² of white among pictures of HDR (ITU-R BT.2408). */
const HDR_WHITE = 203;

/**
 * Lays a mark on finished pictures, each of them: chains from a pad to a pad. A source of its own within the graph, since
 * ffmpeg opens that anew where it builds the graph anew, in mid-stream.
 * @param pictures what they are; `height` in px
 */
export function markChains(
  mark: Mark,
  video: VideoStream,
  { height, hdr }: { height: number; hdr?: HdrPlan },
  from: string,
  to: string,
): string[] {
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
    ...(hdr ? inHdr(hdr) : [`scale=out_color_matrix=${matrixOf(video, height)}:out_range=tv`, 'format=yuva420p']),
  ];
  return [
    `${picture.join(',')}[${name}]`,
    `${from}[${name}]overlay=${x}:${y}:format=${hdr ? 'yuv420p10' : 'yuv420'}${to}`,
  ];
}

/** sRGB as it looks beside HDR. */
function inHdr({ transfer }: HdrPlan): string[] {
  return [
    ...['format=gbrap', 'setparams=range=pc:color_primaries=bt709:color_trc=iec61966-2-1:colorspace=gbr'],
    ...[`zscale=t=linear:npl=${HDR_WHITE}`, 'format=gbrapf32le', 'zscale=p=bt2020'],
    ...[`zscale=t=${transfer}:m=bt2020nc:r=tv:npl=${HDR_WHITE}`, 'format=yuva420p10le'],
  ];
}

const evenUp = (length: number): number => length + (length % 2);
