import sharp from 'sharp';
import type { Config } from '../common/config';
import type { Logger } from '../common/logger';
import { ImagePool } from '../media/image/pool';
import type { FfmpegSettings } from '../media/video';
import { runProcess } from '../common/process';
import type { Slots } from './slots';

/** One child for every image slot, and one for the pictures of videos where this worker serves those. */
export function createImagePool(config: Config, slots: Slots, logger: Logger): ImagePool {
  const images = config.pools.includes('image') ? slots.image : 0;
  const posters = config.pools.includes('video') ? 1 : 0;
  return new ImagePool({
    size: Math.max(1, images + posters),
    timeoutMs: config.imageTimeout,
    maxRssBytes: slots.imageBytes,
    logger,
  });
}

export function ffmpegSettings(config: Config, slots: Slots): FfmpegSettings {
  return {
    ffmpegPath: config.ffmpegPath ?? 'ffmpeg',
    ffprobePath: config.ffprobePath ?? 'ffprobe',
    threads: slots.ffmpegThreads,
    stallMs: config.ffmpegStall,
    maxMemory: slots.ffmpegBytes,
  };
}

/**
 * Versions for manifests. Asking ffmpeg also shows at start, not at the first video, that there is one. A worker that serves images
 * and no videos does without, but for what moves, and warns.
 * @throws Error that says what to install
 */
export async function toolVersions(
  ffmpeg: FfmpegSettings,
  pools: readonly string[],
  warn: (sentence: string) => void,
): Promise<Record<string, string>> {
  const { sharp: own = '', vips: libvips, webp = '', aom = '', mozjpeg = '', png = '' } = sharp.versions;
  const versions: Record<string, string> = { sharp: own, libvips, webp, aom, mozjpeg, png };
  if (!pools.includes('video') && !pools.includes('image')) return versions;
  const encoders = encoderVersions(ffmpeg);
  try {
    const { stdout } = await runProcess(ffmpeg.ffmpegPath, ['-version'], { timeoutMs: 10_000 });
    versions['ffmpeg'] = /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
    versions['libavcodec'] = /libavcodec +(\d+)\. *(\d+)\. *(\d+)/.exec(stdout)?.slice(1).join('.') ?? 'unknown';
  } catch {
    const sentence = 'ffmpeg is not here; run "npm run doctor" to see how to install it';
    if (pools.includes('video')) throw new Error(sentence);
    warn(
      `${sentence}. Until then, images with a rendition that moves in MP4, WebM or AVIF fail, and AVIF animations, too.`,
    );
  }
  return { ...versions, ...(await encoders) };
}

/** Encoders that write their version into what they make: ffmpeg itself does not say. */
const SIGNATURES = {
  x264: { encoder: 'libx264', format: 'h264', version: /x264 - core (\d+(?: r\d+)?)/ },
  x265: { encoder: 'libx265', format: 'hevc', version: /x265 \(build \d+\) - ([\w.+-]+)/ },
};

/** By encoding one small picture each, about 50 ms of CPU; encoders that this ffmpeg does not have are left out. */
async function encoderVersions({ ffmpegPath }: FfmpegSettings): Promise<Record<string, string>> {
  const asked = Object.entries(SIGNATURES).map(async ([name, { encoder, format, version }]) => {
    const picture = ['-f', 'lavfi', '-i', 'color=s=64x64:d=0.04', '-frames:v', '1'];
    const args = ['-v', 'quiet', ...picture, '-c:v', encoder, '-f', format, '-'];
    const { stdout } = await runProcess(ffmpegPath, args, { timeoutMs: 10_000 });
    return [name, version.exec(stdout)?.[1] ?? 'unknown'] as const;
  });
  const found = await Promise.allSettled(asked);
  return Object.fromEntries(found.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
}
