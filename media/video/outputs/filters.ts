import { codecOf } from '../codecs';
import { fraction } from '../fraction';
import type { Clip, PosterPlan, Range, RungPlan, SpritePlan, VideoStream } from '../types';

/**
 * Filter graphs, from numbers and fixed words only: no name of a user's ever gets into one.
 * ffmpeg itself turns the picture upright before the first filter.
 */

/** Linear light, mapped to what an SDR screen shows, and back; runs at the output's size. */
const TONEMAP = [
  'zscale=t=linear:npl=100',
  'format=gbrpf32le',
  'zscale=p=bt709',
  'tonemap=tonemap=hable:desat=0',
  'zscale=t=bt709:m=bt709:r=tv',
];

/** px width of the grey picture that a poster is judged by. */
export const SAMPLE_WIDTH = 256;

/** Interlaced pictures are woven apart before anything else. */
export function deinterlace(video: VideoStream): string[] {
  return video.interlaced ? ['yadif=deint=interlaced'] : [];
}

/** May pictures of another size in mid-stream reach the filters? */
export function changesSize({ interlaced, rotation }: VideoStream): boolean {
  return !interlaced && rotation === 0;
}

/** HDR as SDR, at one size, for several branches to go on from; and what the pictures are after that. */
export function toSdr(video: VideoStream, size: { width: number; height: number }): [string[], VideoStream] {
  const colour = { range: 'tv', matrix: 'bt709', primaries: 'bt709', transfer: 'bt709' };
  return [picture(video, size, 'tv'), { ...video, hdr: false, pixFmt: 'yuv420p', colour }];
}

export function rungFilters(video: VideoStream, rung: RungPlan, range?: Range, clip?: Clip): string {
  const end = clip === undefined ? [] : [endOf(rung, clip)];
  return [
    ...(range ? piece(rung, range, end) : [...steadyRate(rung), ...end]),
    ...picture(video, rung, 'tv'),
    `format=${codecOf(rung).pixelFormat}`,
    ...colourTags(video, rung.height),
  ].join(',');
}

function steadyRate({ fps, fixedGop }: RungPlan): string[] {
  return fps === undefined ? [] : [`fps=${fps}${fixedGop ? ':start_time=0' : ''}`];
}

/** At the end of its input, `fps` may repeat a picture until the source itself ends. */
function endOf({ fps }: RungPlan, { seconds }: Clip): string {
  const { num, den } = fraction(fps);
  return `trim=end=${(seconds - den / num / 2).toFixed(6)}`;
}

/**
 * The pictures of a range on the grid of the whole, put at zero. The input keeps its times, so each picture is rounded to
 * the same place of the grid as in a run over the whole; those before the range only tell what is shown at its beginning.
 */
function piece({ fps }: RungPlan, { start }: Range, end: string[]): string[] {
  if (fps === undefined) throw new Error('a piece of a rung needs a steady rate');
  const { num, den } = fraction(fps);
  return [`fps=${fps}:start_time=${start.toFixed(6)}`, ...end, `setpts=PTS-${Math.round((start * num) / den)}`];
}

/**
 * The first picture at `at` seconds or later, as `[poster]`, and the grey sample of it, as `[poster-sample]`. Both are
 * put at zero, so that no bound on the times of an output takes the picture away.
 */
export function posterFilters(video: VideoStream, poster: PosterPlan, at: number): string {
  // WebP is stored in limited range, JPEG in full range.
  const [range, format] = poster.format === 'webp' ? (['tv', 'yuv420p'] as const) : (['pc', 'yuvj420p'] as const);
  const one = [...(at > 0 ? [`trim=start=${at}`] : []), 'trim=end_frame=1', 'setpts=PTS-STARTPTS'];
  const shown = [...one, ...picture(video, poster, range), `format=${format}`].join(',');
  const height = Math.max(2, Math.round((SAMPLE_WIDTH * poster.height) / poster.width));
  const sample = `scale=${SAMPLE_WIDTH}:${height}:flags=area:out_range=pc,format=gray`;
  return `${shown},split=2[poster][poster-small];[poster-small]${sample}[poster-sample]`;
}

export function spriteFilters(video: VideoStream, sprite: SpritePlan): string {
  return [
    // Holds the last picture, so that a final interval that is cut short has its tile too.
    `tpad=stop_mode=clone:stop_duration=${sprite.interval}`,
    `fps=1/${sprite.interval}`,
    `trim=end_frame=${sprite.tiles}`,
    ...picture(video, sprite, 'pc'),
    'format=yuvj420p',
    `tile=${sprite.columns}x${sprite.rows}`,
  ].join(',');
}

/** Shapes that differ by less than this are the same: sizes are even numbers, and pixels are not quite square. */
const SAME_SHAPE = 0.04;

/**
 * Filters to exactly `size`. Pictures of another shape, to which a stream may change at any time, are fitted in with black
 * bars; others fill it, since their shape differs only by rounding.
 */
function fit(
  video: VideoStream,
  { width, height }: { width: number; height: number },
  options: string,
): [string, string] {
  const rule = changesSize(video) ? ':eval=frame' : '';
  const shape = `dar*${height}/${width}`;
  const w = `'if(gt(${shape},${1 - SAME_SHAPE}),${width},max(2,2*round(${width}*${shape}/2)))'`;
  const h = `'if(lt(${shape},${1 + SAME_SHAPE}),${height},max(2,2*round(${height}/(${shape})/2)))'`;
  return [`scale=w=${w}:h=${h}:flags=bicubic${options}${rule}`, `pad=${width}:${height}:-1:-1${rule}`];
}

/** To the size asked for, in square pixels and SDR. */
function picture(video: VideoStream, size: { width: number; height: number }, range: 'tv' | 'pc'): string[] {
  if (!video.hdr) return [...fit(video, size, `:out_range=${range}${matrixOption(video, size.height)}`), 'setsar=1'];
  const tonemapped = [...untaggedHdr(video), ...fit(video, size, ''), ...TONEMAP];
  return [...tonemapped, 'format=yuv420p', ...(range === 'pc' ? ['scale=out_range=pc'] : []), 'setsar=1'];
}

/** zscale refuses a picture whose primaries or matrix are not stated. */
function untaggedHdr({ colour }: VideoStream): string[] {
  const missing = [
    ...(colour.primaries === undefined ? ['color_primaries=bt2020'] : []),
    ...(colour.matrix === undefined ? ['colorspace=bt2020nc'] : []),
    ...(colour.range === undefined ? ['range=tv'] : []),
  ];
  return missing.length === 0 ? [] : [`setparams=${missing.join(':')}`];
}

const isRgb = ({ colour, pixFmt }: VideoStream) =>
  colour.matrix === 'gbr' || /^(gbr|rgb|bgr|argb|abgr|pal8)/.test(pixFmt);

/** RGB sources take the matrix that players assume for the size. */
function matrixOption(video: VideoStream, height: number): string {
  return isRgb(video) ? `:out_color_matrix=${height >= 720 ? 'bt709' : 'smpte170m'}` : '';
}

/**
 * Where the source does not state its matrix, players guess by the size, and would guess otherwise for a smaller rung:
 * so the guess for the source's own size is written down.
 */
function colourTags(video: VideoStream, height: number): string[] {
  if (video.hdr || (video.colour.matrix !== undefined && !isRgb(video))) return [];
  const name = (isRgb(video) ? height : video.height) >= 720 ? 'bt709' : 'smpte170m';
  return [`setparams=colorspace=${name}:color_primaries=${name}:color_trc=${name}`];
}
