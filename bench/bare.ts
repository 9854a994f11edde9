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
import { planVideo, probeVideo, type ProbeLimits } from '../media/video';
import { encodeCommand, posterCommand, spriteCommand, type FfmpegCommand } from '../media/video/args';
import { commandLine, type FfmpegSettings } from '../media/video/ffmpeg';

const run = promisify(execFile);

const SETTINGS: FfmpegSettings = {
  ffmpegPath: 'ffmpeg',
  ffprobePath: 'ffprobe',
  threads: 1,
  stallMs: 60_000,
  maxMemory: 8 * 2 ** 30,
};

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

/** The very ffmpeg command lines that Darkroom would run, one after the other. */
async function bareVideo(source: string, folder: string, preset: VideoPreset, limits: ProbeLimits): Promise<void> {
  const probe = await probeVideo(source, limits, SETTINGS);
  const plan = planVideo(probe, preset);
  const ffmpeg = (command: FfmpegCommand): Promise<unknown> => run(SETTINGS.ffmpegPath, commandLine(command));
  const at = (name: string): string => path.join(folder, name);
  for (const rung of plan.rungs)
    await ffmpeg(encodeCommand(source, at(`${rung.name}.mp4`), probe, rung, 1, limits.maxDuration));
  const { poster, sprite } = plan;
  if (poster) {
    const files = { picture: at('poster'), sample: at('sample') };
    await ffmpeg(posterCommand(source, files, probe, poster, poster.candidates[0] ?? 0, 1, limits.maxDuration));
  }
  if (sprite) await ffmpeg(spriteCommand(source, at('sprite-%d'), probe, sprite, 1, limits.maxDuration));
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
      if (job.kind === 'video' && preset.video) await bareVideo(source, folder, preset.video, config);
      else if (preset.image) await bareImage(source, folder, preset.image);
    }
  };
  await Promise.all(Array.from({ length: availableCores() }, lane));
  process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000 }) + '\n');
}

void main(process.argv.slice(2));
