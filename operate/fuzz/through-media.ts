import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../common/errors';
import { ImagePool } from '../../media/image/pool';
import type { Preset } from '../../common/contracts';
import { sectionOf } from '../../media/presets';
import { sniff, SNIFF_BYTES } from '../../media/sniff';
import * as video from '../../media/video';
import type { FfmpegSettings } from '../../media/video';

/** How one file ended. `problem`: not as it should. */
export interface Ending {
  outcome: string;
  problem?: string;
}

/** ms for one image or one step of a video without progress. */
const LIMIT_MS = 30_000;
/** ms that ending a process and writing may take beyond that. */
const GRACE_MS = 30_000;
const MAX_RSS = 2 * 2 ** 30;
const LIMITS = { maxPixels: 50_000_000, maxFrames: 500 };
const VIDEO = { maxDuration: 120_000, maxStreams: 64 };

/** The media layer as the activities use it: the pool of image processes, and ffmpeg and ffprobe within their bounds. */
export class MediaRunner {
  private readonly pool: ImagePool;

  constructor(
    private readonly folder: string,
    private readonly preset: Preset,
    private readonly tools: Pick<FfmpegSettings, 'ffmpegPath' | 'ffprobePath'>,
    lanes: number,
  ) {
    this.pool = new ImagePool({ size: lanes, timeoutMs: LIMIT_MS, maxRssBytes: MAX_RSS });
  }

  /** Runs one file to its end, and looks at what it leaves behind. */
  async run(name: string, bytes: Buffer): Promise<Ending> {
    const work = await mkdtemp(path.join(this.folder, 'work-'));
    const outputDir = path.join(work, 'out');
    const input = path.join(work, 'in');
    const isVideo = sniff(bytes.subarray(0, SNIFF_BYTES))?.kind === 'video';
    const started = performance.now();
    try {
      await mkdir(outputDir);
      await writeFile(input, bytes);
      const ending = await (isVideo ? this.video(input, outputDir) : this.image(input, outputDir)).then(
        () => ({ outcome: 'completed' }),
        (error: unknown) => endingOf(error),
      );
      const left = isVideo && ending.outcome !== 'completed' ? await readdir(outputDir) : [];
      if (left.length > 0) return { ...ending, problem: `leaves ${left.join(', ')}` };
      const seconds = Math.round((performance.now() - started) / 1000);
      return seconds * 1000 > LIMIT_MS + GRACE_MS ? { ...ending, problem: `takes ${seconds} s (${name})` } : ending;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Ends the image processes. @returns a problem for each process that is left */
  async close(): Promise<string[]> {
    await this.pool.close();
    return (await childrenOf(process.pid)).map((command) => `a process is left: ${command}`);
  }

  private async image(input: string, outputDir: string): Promise<void> {
    const preset = sectionOf(this.preset, 'image');
    await this.pool.run({ input, outputDir, preset, limits: LIMITS, allowSvg: true });
  }

  private async video(input: string, outputDir: string): Promise<void> {
    const settings = { ...this.tools, threads: 1, stallMs: LIMIT_MS, maxMemory: 4 * 2 ** 30 };
    const probe = await video.probeVideo(input, VIDEO, settings);
    const plan = video.planVideo(probe, sectionOf(this.preset, 'video'));
    await video.makeOutputs({ input, outputDir, probe, plan, maxDuration: VIDEO.maxDuration, settings });
  }
}

/** A row of the error table is an outcome; a fault of Darkroom's own is none. */
function endingOf(error: unknown): Ending {
  if (!(error instanceof DarkroomError)) return { outcome: 'crash', problem: String(error) };
  const fault = error.type === 'InternalError' || /fault in Darkroom/.test(error.message);
  const details = JSON.stringify(error.details).slice(0, 2000);
  return { outcome: error.type, ...(fault && { problem: `${error.message} ${details}` }) };
}

/** Command lines of the programs that this process has started and that still run. */
async function childrenOf(pid: number): Promise<string[]> {
  const { readFile } = await import('node:fs/promises');
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const lines = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => /ffmpeg|ffprobe|child\.js/.test(line)).map((line) => line.replaceAll('\0', ' '));
}
