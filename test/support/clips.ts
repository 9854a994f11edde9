import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FfmpegSettings } from '../../media/video/types';

/** For tests: one thread, and patient. */
export const settings: FfmpegSettings = {
  ffmpegPath: process.env['FFMPEG_PATH'] ?? 'ffmpeg',
  ffprobePath: process.env['FFPROBE_PATH'] ?? 'ffprobe',
  threads: 1,
  stallMs: 30_000,
  maxMemory: 8 * 2 ** 30,
};

/** A folder for one test file's clips; call `remove` at its end. */
export function clipFolder(): { folder: string; at: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-video-'));
  return { folder, at: (name) => path.join(folder, name), remove: () => rmSync(folder, { recursive: true }) };
}

/** Runs ffmpeg with words split at blanks, then `file`. */
export function ffmpeg(words: string, file: string): string {
  const args = words.split(' ').filter((word) => word !== '');
  execFileSync(settings.ffmpegPath, ['-v', 'error', '-nostdin', '-y', ...args, `file:${file}`], { stdio: 'inherit' });
  return file;
}

/** A moving test picture, as lavfi input words. */
export function picture(size: string, seconds: number, rate = 25): string {
  return `-f lavfi -i testsrc2=s=${size}:r=${rate}:d=${seconds}`;
}

export const X264 = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p';

export function sound(seconds: number): string {
  return `-f lavfi -i sine=frequency=440:duration=${seconds}`;
}

/** Whether this ffmpeg can speak. */
export const canSpeak = execFileSync(settings.ffmpegPath, ['-v', 'error', '-filters']).includes(' flite ');
export const CANNOT_SPEAK = 'this ffmpeg has no flite, which speaks';

/** Three seconds of a tone, then words, then two seconds of silence; 16 kHz, mono. */
export function speak(words: string, file: string, format: string): string {
  const parts = ['sine=330:d=3:r=16000', `flite=text='${words}':voice=slt`, 'anullsrc=r=16000:cl=mono:d=2'];
  const mono = 'aformat=sample_rates=16000:channel_layouts=mono:sample_fmts=s16';
  const each = parts.map((_, index) => `[${index}]${mono}[s${index}]`).join(';');
  const graph = `${each};[s0][s1][s2]concat=n=3:v=0:a=1`;
  const inputs = parts.flatMap((part) => ['-f', 'lavfi', '-i', part]);
  const args = ['-v', 'error', '-nostdin', '-y', ...inputs, '-filter_complex', graph, '-f', format, `file:${file}`];
  execFileSync(settings.ffmpegPath, args, { stdio: 'inherit' });
  return file;
}

interface Stream {
  codec_type: string;
  codec_name: string;
  width?: number;
  height?: number;
  profile?: string;
  pix_fmt?: string;
  sample_aspect_ratio?: string;
  color_space?: string;
  color_transfer?: string;
  color_primaries?: string;
  color_range?: string;
  avg_frame_rate: string;
  nb_read_frames?: string;
  sample_rate?: string;
  channels?: number;
  side_data_list?: object[];
}

/** What ffprobe says about a finished file, every frame decoded and counted. */
export function streamsOf(file: string): Stream[] {
  const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', `file:${file}`];
  return (JSON.parse(execFileSync(settings.ffprobePath, args).toString()) as { streams: Stream[] }).streams;
}

/** Times of the keyframes of the picture, seconds. */
export function keyframes(file: string): number[] {
  const entries = ['-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0'];
  const lines = execFileSync(settings.ffprobePath, ['-v', 'error', ...entries, `file:${file}`]).toString();
  return lines.split('\n').flatMap((line) => (line.includes('K') ? parseFloat(line) : []));
}

/** Writes a quarter turn clockwise into the track header, as phones do (options for that differ between versions of ffmpeg). */
export function turnByQuarter(file: string): string {
  const bytes = readFileSync(file);
  const matrix = bytes.indexOf('tkhd', 0, 'latin1') + 44;
  [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000].forEach((value, at) => bytes.writeInt32BE(value, matrix + 4 * at));
  writeFileSync(file, bytes);
  return file;
}

/** Ids of living processes that have `text` in their command line. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
}
