import { runProcess } from '../../../common/process';
import { fence, fileUrl } from '../ffmpeg/command';
import type { FfmpegSettings } from '../types';

/** Seconds of a video that are compared. */
const SECONDS = 10;

/**
 * Structural similarity of two pictures (PNG) or videos, 0–1, over brightness and colour; of videos the mean over the first
 * seconds. The second is scaled to the size of the first.
 * @throws ProcessError; Error where nothing could be compared
 */
export async function ssimOf(
  first: string,
  second: string,
  { ffmpegPath, threads, stallMs, maxMemory }: FfmpegSettings,
  signal?: AbortSignal,
): Promise<number> {
  const input = (file: string): string[] => [
    ...fence('png_pipe,image2,mov'),
    '-t',
    String(SECONDS),
    '-i',
    fileUrl(file),
  ];
  const graph =
    '[1:v:0][0:v:0]scale2ref=flags=bicubic[b][a];[a]format=yuv444p[x];[b]format=yuv444p[y];[x][y]ssim=stats_file=-';
  const args = [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-threads', String(threads)],
    ...[...input(first), ...input(second), '-lavfi', graph, '-f', 'null', '-'],
  ];
  const { stdout } = await runProcess(ffmpegPath, args, { signal, stallMs, memoryBytes: maxMemory, apart: true });
  const values = [...stdout.matchAll(/\bAll:([\d.]+)/g)].map(([, value]) => Number(value));
  if (values.length === 0) throw new Error('ffmpeg compared no picture');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
