import { pixelFormatOf } from '../codecs';
import { fraction } from '../fraction';
import { colourTags, isRgb, matrixOption } from './colour';
import { markChains } from './mark';
import type { Clip, Mark, PosterPlan, PreviewPlan, Range, RungPlan, SpritePlan, VideoStream } from '../types';

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
    ...(rung.hdr ? hdrPicture(video, rung) : picture(video, rung, 'tv')),
    `format=${pixelFormatOf(rung)}`,
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

/** Seconds before and behind a poster whose pictures tell whether it lies in a transition. */
export const AROUND_SECONDS = 0.25;
/** px width of those pictures: small, so that noise does not count. */
const AROUND_WIDTH = 32;

/** Bytes of each of them. */
export function aroundBytes(poster: PosterPlan): number {
  return AROUND_WIDTH * greyHeight(poster, AROUND_WIDTH);
}

function greyHeight(poster: PosterPlan, width: number): number {
  return Math.max(2, Math.round((width * poster.height) / poster.width));
}

/**
 * The first picture at `at` seconds or later, as `[poster]`, the grey sample of it, as `[poster-sample]`, and small grey
 * pictures of it and of those around it, as `[poster-around]`: three, or fewer where there are none. All are put at zero,
 * so that no bound on the times of an output takes a picture away.
 */
export function posterFilters(video: VideoStream, poster: PosterPlan, at: number): string {
  // WebP is stored in limited range, JPEG in full range.
  const [range, format] = poster.format === 'webp' ? (['tv', 'yuv420p'] as const) : (['pc', 'yuvj420p'] as const);
  const one = [...(at > 0 ? [`trim=start=${at}`] : []), 'trim=end_frame=1', 'setpts=PTS-STARTPTS'];
  const shown = [...one, ...picture(video, poster, range), `format=${format}`].join(',');
  const grey = (width: number, rule = '') =>
    `scale=${width}:${greyHeight(poster, width)}:flags=area:out_range=pc${rule},format=gray`;
  return [
    'split=2[poster-one][poster-near]',
    `[poster-one]${shown},split=2[poster][poster-small]`,
    `[poster-small]${grey(SAMPLE_WIDTH)}[poster-sample]`,
    `[poster-near]${around(at)},${grey(AROUND_WIDTH, changesSize(video) ? ':eval=frame' : '')}[poster-around]`,
  ].join(';');
}

/** The first picture at each of the three times, each picture once; one behind the other, so that no gap is filled up. */
function around(at: number): string {
  const [before, after] = [at - AROUND_SECONDS, at + AROUND_SECONDS].map((time) => time.toFixed(6));
  const from = (time: number | string | undefined) => `gte(t,${time})*lt(prev_selected_t,${time})`;
  return `select='gte(t,${before})*isnan(prev_selected_t)+${from(at)}+${from(after)}',settb=1/25,setpts=N,fps=25`;
}

/** The scenes, each an input of its own, joined as `[preview-mp4]`, and fewer pictures of them as `[preview-webp]`. */
export function previewFilters(video: VideoStream, preview: PreviewPlan, mark?: Mark): string {
  const { starts, frames, fps, webpFps } = preview;
  const scene = [
    ...deinterlace(video),
    ...['setpts=PTS-STARTPTS', `fps=${fps}`],
    ...picture({ ...video, interlaced: false }, preview, 'tv'),
    // A scene at the end of the video, or in one long picture, is held up to its length.
    `tpad=stop_mode=clone:stop=${frames}`,
    ...[`trim=end_frame=${frames}`, 'format=yuv420p'],
    ...colourTags(video, preview.height),
  ].join(',');
  const scenes = starts.map((_, index) => `[${index}:${video.index}]${scene}[scene-${index}]`);
  const joined = starts.map((_, index) => `[scene-${index}]`).join('');
  const bare = `${joined}concat=n=${starts.length}`;
  const shown = mark
    ? [`${bare}[preview-bare]`, ...markChains(mark, video, preview, '[preview-bare]', '[preview-one]')]
    : [`${bare}[preview-one]`];
  const split = '[preview-one]split=2[preview-mp4][preview-all]';
  return [...scenes, ...shown, split, `[preview-all]fps=${webpFps}:eof_action=pass[preview-webp]`].join(';');
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

/** To the size asked for, in square pixels; the light stays as it is coded. */
function hdrPicture(video: VideoStream, size: { width: number; height: number }): string[] {
  const [matrix, stated] = isRgb(video) ? [':out_color_matrix=bt2020', ['setparams=colorspace=bt2020nc']] : ['', []];
  return [...untaggedHdr(video), ...fit(video, size, `:out_range=tv${matrix}`), 'setsar=1', ...stated];
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
