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
 * Versions for manifests. Asking ffmpeg also shows at start, not at the first video, that there is one.
 * @throws Error that says what to install
 */
export async function toolVersions(ffmpeg: FfmpegSettings, pools: string[]): Promise<Record<string, string>> {
  const versions: Record<string, string> = { sharp: sharp.versions.sharp ?? '', libvips: sharp.versions.vips };
  if (!pools.includes('video')) return versions;
  try {
    const { stdout } = await runProcess(ffmpeg.ffmpegPath, ['-version'], { timeoutMs: 10_000 });
    versions['ffmpeg'] = /version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    throw new Error('ffmpeg is not here; run "npm run doctor" to see how to install it');
  }
  return versions;
}
