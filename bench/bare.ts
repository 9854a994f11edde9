/**
 * The bare loop that Darkroom is measured against: the same sources and preset through sharp in this process and ffmpeg
 * as its child, as many at once as there are cores. No queue, no retry, no check of the results, no manifest.
 * Run as: node bare.js <list.jsonl> <output folder>; prints {"seconds":…} and leaves.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { availableCores } from '../common/cores';
import { loadConfig } from '../common/config';
import type { ImagePreset, MediaJob, VideoPreset } from '../common/contracts';
import { encodeOptions } from '../media/image/encode';
import { loadPreset } from '../media/presets';

const run = promisify(execFile);

/** Decodes once, to the largest rendition's width, and makes every rendition from that: the quickest plain way. */
async function bareImage(source: string, folder: string, preset: ImagePreset): Promise<void> {
  const largest = Math.max(...preset.renditions.map((spec) => spec.width ?? 0));
  const { data, info } = await sharp(await readFile(source))
    .autoOrient()
    .resize({ width: largest, withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  for (const spec of preset.renditions) {
    const { format, options } = encodeOptions(spec);
    await sharp(data, { raw })
      .resize({ width: spec.width, height: spec.height, fit: 'inside', withoutEnlargement: true })
      .toFormat(format, options)
      .toFile(path.join(folder, `${spec.name}.${format}`));
  }
}

async function bareVideo(source: string, folder: string, preset: VideoPreset): Promise<void> {
  const ffmpeg = (...args: string[]): Promise<unknown> =>
    run('ffmpeg', ['-hide_banner', '-nostdin', '-v', 'error', '-y', ...args]);
  const input = ['-threads', '1', '-i', source];
  for (const rung of preset.rungs) {
    await ffmpeg(
      ...input,
      ...['-map', '0:v:0', '-map', '0:a:0', '-vf', `scale=-2:'min(${rung.height},ih)':flags=lanczos,format=yuv420p`],
      ...['-c:v', 'libx264', '-preset', rung.speed, '-profile:v', 'high', '-crf', String(rung.crf), '-threads', '1'],
      ...['-maxrate', `${rung.maxrate}k`, '-bufsize', `${2 * rung.maxrate}k`],
      ...['-force_key_frames', 'expr:gte(t,n_forced*2)', '-sc_threshold', '0'],
      ...['-c:a', 'aac', '-b:a', `${rung.audioBitrate}k`, '-ar', '48000', '-ac', '2'],
      ...['-map_metadata', '-1', '-movflags', '+faststart', path.join(folder, `${rung.name}.mp4`)],
    );
  }
  const { poster, sprite } = preset;
  if (poster) {
    const scale = `scale='min(${poster.width},iw)':-2`;
    await ffmpeg(
      '-ss',
      '1',
      ...input,
      '-an',
      '-frames:v',
      '1',
      '-vf',
      scale,
      path.join(folder, `poster.${poster.format}`),
    );
  }
  if (sprite) {
    const tiles = `fps=1,scale=${sprite.width}:-2,tile=${sprite.columns}x${sprite.rows}`;
    await ffmpeg(...input, '-an', '-vf', tiles, '-frames:v', '1', path.join(folder, 'sprite.jpg'));
  }
}

async function main([list, output]: string[]): Promise<void> {
  if (list === undefined || output === undefined) throw new Error('usage: bare.js <list.jsonl> <output folder>');
  const config = loadConfig();
  const preset = await loadPreset(config.presetsDir, 'web');
  const jobs = (await readFile(list, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MediaJob);
  sharp.cache(false);
  sharp.concurrency(1);
  const started = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) {
      const job = jobs[index] as MediaJob;
      const folder = path.join(output, String(index));
      await mkdir(folder, { recursive: true });
      const source = fileURLToPath(job.source);
      if (job.kind === 'video' && preset.video) await bareVideo(source, folder, preset.video);
      else if (preset.image) await bareImage(source, folder, preset.image);
    }
  };
  await Promise.all(Array.from({ length: availableCores() }, lane));
  process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000 }) + '\n');
}

void main(process.argv.slice(2));
