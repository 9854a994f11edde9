import type { Env } from '../../common/config';
import { parsePreset } from '../../media/presets';

export const HEIGHTS = [1080, 720, 480, 360];
/** kbit/s. */
export const RATES: Record<number, number> = { 1080: 6000, 720: 3000, 480: 1100, 360: 365 };
const rung = (height: number): string =>
  `{ name: ${height}p, height: ${height}, crf: 23, maxrate: ${RATES[height]}, speed: veryfast, audioBitrate: 128 }`;

export const PRESET = parsePreset('film', `video: { hls: true, rungs: [${HEIGHTS.map(rung).join(', ')}] }`);

/** Minutes of film for which chunks have their usual 60 s of CPU; a shorter film is cut into as many. */
export const USUAL_SECONDS = 600;

/** In chunks however short the film is, and in as many as one of ten minutes. */
export function filmEnv(seconds: number): Env {
  return { DARKROOM_CHUNK_CPU: `${Math.round((60_000 * seconds) / USUAL_SECONDS)}ms` };
}
