import type { VideoPreset } from '../../presets/schema';
import { fraction } from '../fraction';
import type { MediaProbe, PreviewPlan } from '../types';
import { fitWidth, lowerRate } from './sizes';

/** Frames a second; a list of previews has no use for more, and an animated WebP grows with each of them. */
const MOST = 30;
const MOST_WEBP = 12;
/** px that the decoders of all scenes may hold at once, a picture each: six of 4K. Larger sources have fewer scenes. */
const MAX_OPEN = 6 * 3840 * 2160;

/**
 * Where the scenes of a preview lie: each in the middle of its share of the video, so never at the very beginning or end.
 * A video that is too short for all scenes has as many as fit, one at least; that one may be all of it.
 */
export function planPreview(probe: MediaProbe, spec: NonNullable<VideoPreset['preview']>): PreviewPlan {
  const { video } = probe;
  const duration = video.durationSeconds ?? probe.durationSeconds;
  const rate = (most: number) => (video.variableRate ? { num: most, den: 1 } : lowerRate(fraction(video.fps), most));
  const [fps, webp] = [rate(MOST), rate(MOST_WEBP)];
  const fitting = Math.min(Math.floor(duration / spec.seconds), Math.floor(MAX_OPEN / (video.width * video.height)));
  const scenes = Math.max(1, Math.min(spec.scenes, fitting));
  const seconds = Math.min(spec.seconds, duration);
  const share = duration / scenes;
  return {
    starts: Array.from({ length: scenes }, (_, at) => Number((at * share + (share - seconds) / 2).toFixed(3))),
    frames: Math.max(1, Math.floor((seconds * fps.num) / fps.den)),
    fps: `${fps.num}/${fps.den}`,
    webpFps: `${webp.num}/${webp.den}`,
    ...fitWidth(video.displayWidth, video.displayHeight, spec.width),
  };
}
