import type { Config } from '../common/config';
import { availableCores } from '../common/cores';

/** How many activities of each pool run at once here, and how many threads one ffmpeg may use. */
export interface Slots {
  image: number;
  video: number;
  ffmpegThreads: number;
}

/** From the configuration, with 0 meaning "from the cores this process really has". */
export function planSlots(config: Config, cores = availableCores()): Slots {
  const image = config.imageSlots || cores;
  const video = config.videoSlots || cores;
  return { image, video, ffmpegThreads: config.ffmpegThreads || Math.max(1, Math.floor(cores / video)) };
}

/**
 * Threads of libuv's pool: file reads, hashing and DNS of every slot share it, and a slot that waits for a thread looks
 * like a slow disk. libuv knows at most 1024.
 */
export function uvThreads(slots: Slots): number {
  return Math.min(1024, Math.max(4, 2 * (slots.image + slots.video) + 2));
}
