import type { VideoPreset, VideoRungSpec } from '../../presets/schema';
import { DarkroomError } from '../../../common/errors';
import { codecOf } from '../codecs';
import { fraction, type Fraction } from '../fraction';
import { isHdrTransfer } from '../hdr';
import { alignRungs } from '../hls/align';
import { rungsOf } from '../ladder/choose';
import { planPreview } from './preview';
import { even, fitWidth, lowerRate } from './sizes';
import { planTracks } from './tracks';
import type { MediaProbe, PosterPlan, RungPlan, SpritePlan, VideoPlan } from '../types';

/** A cap under this makes even a still picture ugly, kbit/s. */
const LEAST_MAXRATE = 150;
/** Another encoder needs some room above the source's own rate. */
const HEADROOM = 1.3;
/** Containers whose pictures go into MP4 as they are; the sniffed names. */
const COPYABLE = ['mp4', 'mov', 'm4v'];
/** A source less than this above a rung is as good as that rung. */
const OWN_SIZE_FROM = 1.1;
/** Cameras and encoders cut 16:9 to whole blocks (848x480): a smaller rung has the full shape again, 640x360. */
const WIDE = 16 / 9;
const ALMOST = 0.01;
/** A sprite has no more tiles than this, whatever the duration. */
const MAX_TILES = 100;
/** Where a poster is looked for, as parts of the duration; never at its start, which is black or a logo so often. */
const POSTER_POSITIONS = [0.1, 0.25, 0.5, 0.75, 0.35, 0.9];

/**
 * Which files to make of a video: pure, so that every rule can be read off a table in the test.
 * Rungs keep the preset's order and names, and nothing is enlarged. See {@link fitting} for which of them stay.
 * @throws DarkroomError InvalidJob where the pictures are too small for the codec of every rung
 */
export function planVideo(probe: MediaProbe, preset: VideoPreset): VideoPlan {
  const { poster, preview, sprite } = preset;
  const short = Math.min(probe.video.displayWidth, probe.video.displayHeight);
  const sized = fitting(rungsOf(preset), short).map((rung) => planRung(probe, rung, preset));
  const rungs = sized.filter(isHeld);
  const [lost] = sized;
  if (rungs.length === 0 && lost !== undefined) throw tooSmall(preset, lost);
  return {
    ...(preset.hls ? planStream(rungs, probe, preset) : { rungs }),
    ...(preset.loudness !== undefined && { loudness: preset.loudness }),
    ...(preset.quality && { quality: preset.quality }),
    ...(poster && { poster: planPoster(probe, poster) }),
    ...(preview && { preview: planPreview(probe, preview) }),
    ...(sprite && { sprite: planSprite(probe, sprite) }),
  };
}

function planStream(
  rungs: RungPlan[],
  probe: MediaProbe,
  preset: VideoPreset,
): Pick<VideoPlan, 'rungs' | 'hls' | 'tracks'> {
  const { hls, ...rest } = alignRungs(rungs, probe.video.fps);
  const kbps = Math.max(0, ...rungs.map(({ audioBitrate = 0 }) => audioBitrate));
  const tracks = kbps === 0 ? [] : planTracks(probe, preset, kbps);
  const language = probe.audio?.language;
  return {
    ...rest,
    hls: { ...hls, ...(preset.dash && { dash: true }), ...(kbps > 0 && language && { language }) },
    ...(tracks.length > 0 && { tracks }),
  };
}

/**
 * The rungs that a source with `short` px on its short side gets. Those above it are dropped, except the lowest of them
 * where the source lies between two rungs: that one stays at the source's own size, so that no quality is lost. It keeps
 * its name, as the lowest rung does for a source below all of them: a name says what the preset asks for, width and height
 * say what was made.
 */
function fitting(rungs: VideoRungSpec[], short: number): VideoRungSpec[] {
  const below = Math.max(0, ...rungs.flatMap(({ height }) => (height <= short ? height : [])));
  const above = Math.min(...rungs.flatMap(({ height }) => (height > short ? height : [])));
  const between = short > OWN_SIZE_FROM * below;
  return rungs.filter(({ height }) => height <= short || (height === above && between));
}

/** Sentences about the rungs of a preset that a plan does not have. */
export function leftOut(probe: MediaProbe, preset: VideoPreset, plan: VideoPlan): string[] {
  const fit = fitting(rungsOf(preset), Math.min(probe.video.displayWidth, probe.video.displayHeight));
  const dropped = rungsOf(preset).filter(({ name }) => !plan.rungs.some((rung) => rung.name === name));
  return dropped.map((spec) =>
    fit.includes(spec)
      ? `${spec.name} was left out: its codec ${spec.codec} needs ${codecOf(spec).minSide} px on each side.`
      : `${spec.name} was left out: it would be larger than the source.`,
  );
}

/** Can the codec hold pictures of this size? */
function isHeld(rung: RungPlan): boolean {
  return Math.min(rung.width, rung.height) >= codecOf(rung).minSide;
}

function tooSmall(preset: VideoPreset, rung: RungPlan): DarkroomError {
  const { name, codec, width, height } = rung;
  const at = rungsOf(preset).findIndex((spec) => spec.name === name);
  const { minSide } = codecOf(rung);
  return new DarkroomError(
    'InvalidJob',
    `The video is too small for video.rungs[${at}].codec: ${codec} needs ${minSide} px on each side, and the rung "${name}" has ${width} x ${height} px.`,
    { width, height, minSide },
  );
}

function planRung(probe: MediaProbe, spec: VideoRungSpec, { audio, watermark, hdr }: VideoPreset): RungPlan {
  const { displayWidth, displayHeight, fps, colour } = probe.video;
  const size = fitShortSide(displayWidth, displayHeight, spec.height);
  const source = fraction(fps);
  const cap = Math.min(size.width, size.height) < 540 ? 30 : 60;
  const target = probe.video.variableRate ? steadyRate(source, cap) : lowerRate(source, cap);
  const inputRate = probe.video.bitrateKbps ?? probe.bitrateKbps ?? Infinity;
  const maxrate = Math.min(spec.maxrate, Math.max(LEAST_MAXRATE, Math.round(HEADROOM * inputRate)));
  return {
    name: spec.name,
    ...(spec.codec && { codec: spec.codec }),
    ...size,
    ...(hdr === 'keep' &&
      codecOf(spec).hdrPixelFormat !== undefined &&
      isHdrTransfer(colour.transfer) && { hdr: { transfer: colour.transfer, ...probe.video.hdrMetadata } }),
    ...(isAlready(probe, spec, size) && target === source && !probe.clip && !watermark && { copy: true }),
    // The pictures of a part are counted from its beginning.
    ...((target !== source || probe.clip) && { fps: `${target.num}/${target.den}` }),
    gop: Math.max(2, Math.round((2 * target.num) / target.den)),
    crf: spec.crf,
    maxrate,
    bufsize: 2 * maxrate,
    speed: spec.speed,
    ...(audio === 'optional' && probe.audio && { audioBitrate: spec.audioBitrate }),
  };
}

/**
 * ffmpeg would lay a variable rate on a grid of its average, which makes fast passages jerk. A repeated frame costs next
 * to nothing.
 */
function steadyRate(average: Fraction, cap: number): Fraction {
  return { num: average.num / average.den > 31 ? cap : 30, den: 1 };
}

/**
 * The rung's codec in the very size that every player shows, under the rung's cap: encoding it again would cost time and
 * quality and gain nothing. Whatever would need a filter (turning, deinterlacing, square pixels, SDR, a steady rate) is not.
 */
function isAlready(probe: MediaProbe, spec: VideoRungSpec, size: { width: number; height: number }): boolean {
  const { video } = probe;
  const shown =
    video.width === size.width && video.height === size.height && video.rotation === 0 && video.sar === '1:1';
  const { entry, passThrough } = codecOf(spec);
  // Other tags, such as avc3 and hev1, say that the decoder's configuration is somewhere in the stream.
  const coded = video.codec === passThrough.codec && (video.tag ?? entry) === entry;
  const playable = coded && passThrough.pixelFormats.includes(video.pixFmt) && !video.interlaced && !video.hdr;
  const steady = !video.variableRate && !video.framesEstimated && COPYABLE.includes(probe.format);
  return shown && playable && steady && (video.bitrateKbps ?? Infinity) <= spec.maxrate;
}

/** Even sizes with the short side at `short` at most, never enlarged (but no side under 2 px, H.264's least). */
function fitShortSide(width: number, height: number, short: number): { width: number; height: number } {
  const scale = Math.min(1, short / Math.min(width, height));
  const size = { width: even(width, scale), height: even(height, scale) };
  if (scale === 1 || Math.abs((WIDE * Math.min(width, height)) / Math.max(width, height) - 1) > ALMOST) return size;
  const long = Math.min(even(Math.max(width, height), 1), 2 * Math.round((short * WIDE) / 2));
  return width > height ? { ...size, width: long } : { ...size, height: long };
}

function planPoster(probe: MediaProbe, spec: NonNullable<VideoPreset['poster']>): PosterPlan {
  const { displayWidth, displayHeight, fps, frames } = probe.video;
  const duration = probe.video.durationSeconds ?? probe.durationSeconds;
  const rate = fraction(fps);
  const frame = rate.den / rate.num;
  const inside = POSTER_POSITIONS.map((part) => round(part * duration, 3)).filter((at) => at >= frame);
  const candidates = frames > 2 && inside.length > 0 ? inside : [0];
  const size = fitWidth(displayWidth, displayHeight, spec.width);
  return { format: spec.format, ...size, quality: spec.quality, candidates };
}

function planSprite(probe: MediaProbe, spec: NonNullable<VideoPreset['sprite']>): SpritePlan {
  const { displayWidth, displayHeight } = probe.video;
  const duration = probe.video.durationSeconds ?? probe.durationSeconds;
  const interval = Math.max(1, Math.ceil(duration / MAX_TILES));
  const tiles = Math.max(1, Math.ceil(duration / interval - 0.05));
  const columns = Math.min(spec.columns, tiles);
  const rows = Math.min(spec.rows, Math.ceil(tiles / columns));
  const sheets = Math.ceil(tiles / (columns * rows));
  const size = fitWidth(displayWidth, displayHeight, spec.width);
  return { interval, tiles, columns, rows, sheets, ...size, quality: spec.quality };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
