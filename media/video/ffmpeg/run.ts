import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import fluent from 'fluent-ffmpeg';
import { availableCores } from '../../../common/cores';
import { ProcessError, runProcess } from '../../../common/process';
import type { FfmpegCommand } from './command';
import { longerThanStated, throwIfCutShort, throwIfUnwritten, toVideoError, type Media } from './video-failures';
import type { FfmpegProgress, FfmpegSettings } from '../types';

export type { FfmpegSettings } from '../types';

export interface FfmpegRun {
  settings: FfmpegSettings;
  signal?: AbortSignal;
  /** Folder to run in, for what ffmpeg names itself. */
  cwd?: string;
  /** What the file is, for sentences about failures. */
  reads?: Media;
  /** Called about twice a second while there is progress: frames, or bytes of the output. */
  onProgress?: (progress: FfmpegProgress) => void;
}

/**
 * The only file that knows fluent-ffmpeg (docs/decisions/0003). The library puts the command line together; the
 * process is ours, because its own loses kills and probes without a whitelist.
 */
export function commandLine(command: FfmpegCommand): string[] {
  const assembly = fluent();
  for (const { options, file } of command.inputs) assembly.input(file).inputOptions(...spread(options));
  if (command.filterGraph !== undefined) assembly.complexFilter(command.filterGraph);
  for (const { options, file } of command.outputs) {
    assembly.output(file).outputOptions(...spread([...options, '-t', command.bounds.seconds.toFixed(3)]));
  }
  return assembly._getArguments();
}

/** fluent-ffmpeg splits an option at its first blank unless it gets two or more arguments. */
function spread(options: string[]): [string, string, ...string[]] {
  const [first, second, ...rest] = options;
  if (first === undefined || second === undefined) throw new Error('needs two options at least');
  return [first, second, ...rest];
}

/**
 * Runs ffmpeg to its end. Exit code 0 is no proof of success: the caller checks what was made.
 * @returns the last progress, that is the frames and seconds written
 * @throws DarkroomError EncoderFailed, CorruptMedia, UnsupportedMedia or StorageUnavailable; after an abort the signal's reason
 */
export function runFfmpeg(command: FfmpegCommand, run: FfmpegRun): Promise<FfmpegProgress> {
  return runIn(ENVIRONMENT, command, run);
}

/**
 * Runs ffmpeg as {@link runFfmpeg} does, and reads what ffmpeg and its filters report, while stderr holds errors only.
 * @returns the last progress, and the report; its file in `cwd` is gone
 */
export async function runReported(
  command: FfmpegCommand,
  run: FfmpegRun & { cwd: string },
): Promise<{ last: FfmpegProgress; report: string }> {
  const file = path.join(run.cwd, REPORT);
  try {
    const last = await runIn({ ...ENVIRONMENT, FFREPORT: `file=${REPORT}:level=${REPORT_LEVEL}` }, command, run);
    return { last, report: await readFile(file, 'latin1') };
  } finally {
    await rm(file, { force: true });
  }
}

async function runIn(env: Record<string, string>, command: FfmpegCommand, run: FfmpegRun): Promise<FfmpegProgress> {
  const progress = new ProgressReader();
  const { ffmpegPath } = run.settings;
  const { seconds, cpuSeconds, fileBytes } = command.bounds;
  const started = performance.now();
  // A path is meant from where we are, not from where ffmpeg runs.
  const outputs = command.outputs
    .flatMap(({ file, writes }) => writes ?? [file.replace(/^file:/, '')])
    .filter((file) => file !== '-');
  const changes = new OutputChanges(outputs.map((file) => path.resolve(run.cwd ?? '', file)));
  const program = path.basename(ffmpegPath) === ffmpegPath ? ffmpegPath : path.resolve(ffmpegPath);
  try {
    const { stderrTail } = await runProcess(program, commandLine(command), {
      signal: run.signal,
      cwd: run.cwd,
      env,
      stallMs: run.settings.stallMs,
      memoryBytes: run.settings.maxMemory,
      apart: true,
      ...{ cpuSeconds, fileBytes, openFiles: OPEN_FILES },
      // `+faststart` moves all media of the finished file, for minutes where that is large, and prints nothing meanwhile.
      hasProgressed: async () => {
        if (!(await changes.look())) return false;
        run.onProgress?.({ ...progress.last, outputChanges: changes.seen });
        return true;
      },
      onLine: (line) => {
        const advanced = progress.read(line);
        if (progress.last.outTimeSeconds > seconds + OVERSHOOT)
          throw longerThanStated(progress.last, seconds, run.reads);
        if (advanced) run.onProgress?.(progress.last);
        return advanced;
      },
    });
    throwIfUnwritten(stderrTail);
    throwIfCutShort(stderrTail, run.reads);
  } catch (error) {
    throw toVideoError(namingCpuLimit(error, cpuSeconds, (performance.now() - started) / 1000), run.reads);
  }
  return progress.last;
}

/** Errors only, of an encoder (SVT-AV1) that does not follow ffmpeg's `-v`. */
const ENVIRONMENT = {
  SVT_LOG: '1',
  // SVT-AV1 starts some twenty threads to work with one, and glibc would reserve 64 MiB of addresses for many of them.
  MALLOC_ARENA_MAX: '2',
};
/** Of one ffmpeg: libraries, inputs, outputs and threads need some dozens. */
const OPEN_FILES = 256;
/** Seconds by which a packet may lie behind the `-t` that every output has. */
const OVERSHOOT = 2;
/** Relative to the folder that ffmpeg runs in, since ffmpeg reads patterns in the path of a report. */
const REPORT = 'report.log';
/** ffmpeg's number for `info`. */
const REPORT_LEVEL = 32;

/**
 * ffmpeg catches SIGXCPU and ends with exit code 255 and not a word. A SIGTERM from outside looks the same, but such a
 * run cannot have used its CPU time if the clock says that there was not so much of it.
 */
function namingCpuLimit(error: unknown, cpuSeconds: number, wallSeconds: number): unknown {
  const quiet = error instanceof ProcessError && error.reason === 'exit' && error.exitCode === 255;
  if (!quiet || wallSeconds * availableCores() < cpuSeconds) return error;
  return new ProcessError(error.command, 'exit', null, 'SIGXCPU', error.stderrTail, false, { cause: error });
}

/** Sees when bytes are written to any of the files, also within them: each write sets the time of modification. */
class OutputChanges {
  /** How often a look has found a change. */
  seen = 0;
  private last: string | undefined;

  constructor(private readonly files: string[]) {}

  /** True where something was written since the look before. */
  async look(): Promise<boolean> {
    const times = await Promise.all(this.files.map((file) => stat(file, { bigint: true }).catch(() => undefined)));
    const now = times.map((time) => `${time?.mtimeNs} ${time?.size}`).join();
    const changed = this.last !== undefined && now !== this.last;
    this.last = now;
    if (changed) this.seen++;
    return changed;
  }
}

/** Reads what `-progress` prints: blocks of `key=value` lines, each ended by `progress=continue` or `progress=end`. */
export class ProgressReader {
  last: FfmpegProgress = { frames: 0, outTimeSeconds: 0, speed: 0 };
  private next = { ...this.last };

  /** True when a block is complete and further than the one before. */
  read(line: string): boolean {
    const split = line.indexOf('=');
    const key = line.slice(0, split);
    const value = parseFloat(line.slice(split + 1));
    if (key === 'frame' && value >= 0) this.next.frames = value;
    if (key === 'out_time_us' && value >= 0) this.next.outTimeSeconds = value / 1e6;
    if (key === 'speed' && value >= 0) this.next.speed = value;
    if (key !== 'progress') return false;
    const { frames, outTimeSeconds } = this.last;
    const advanced = this.next.frames > frames || this.next.outTimeSeconds > outTimeSeconds;
    this.last = { ...this.next };
    return advanced;
  }
}
