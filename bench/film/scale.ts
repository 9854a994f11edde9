import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toStderr } from '../../local/embedded/report';
import { parsePreset } from '../../media/presets';
import { chunkedRun, type Run } from './run';

/** Seconds that the stand-in for an encoder sleeps for each chunk. */
export const SLEEP = 6;
/** Of 6 s each. */
const CHUNKS = 16;
const WORKERS = [1, 2, 4, 8];
const RUNG = '{ name: tiny, height: 90, crf: 40, maxrate: 100, speed: ultrafast, audioBitrate: 64 }';
const PRESET = parsePreset('tiny', `video: { hls: true, rungs: [${RUNG}] }`);

/**
 * A tiny film whose encoder sleeps, by one to eight workers: what is left is the service's own work, and the waiting that it
 * causes.
 */
export async function scaling(folder: string, ffmpeg: string): Promise<Map<number, Run>> {
  const source = path.join(folder, 'tiny.mp4');
  const picture = `testsrc2=s=160x90:r=10:d=${6 * CHUNKS}`;
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '20'];
  execFileSync(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', picture, ...x264, source]);
  const standIn = path.join(folder, 'sleeping-ffmpeg');
  const script = `#!/bin/sh\ncase "$*" in *start_time=*) sleep ${SLEEP} ;; esac\nexec ${ffmpeg} "$@"\n`;
  await writeFile(standIn, script, { mode: 0o755 });
  const runs = new Map<number, Run>();
  for (const workers of WORKERS) {
    toStderr(`bench: ${workers} workers whose encoder sleeps`);
    const home = path.join(folder, `scale-${workers}`);
    const env = { FFMPEG_PATH: standIn, DARKROOM_CHUNK_CPU: '1ms', DARKROOM_CHUNK_WINDOW: String(CHUNKS) };
    runs.set(workers, await chunkedRun({ home, root: folder, source, preset: PRESET, env, workers }));
  }
  return runs;
}
