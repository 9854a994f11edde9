import type { Config } from '../../common/config';
import { isExecutable, which } from '../../common/config/executables';
import { SetupError, type Report } from './report';
import { run } from './run';

export interface FfmpegTools {
  ffmpeg: string;
  ffprobe: string;
}

/** Path of one of the two tools: the configured one, else the one on PATH. */
export function findFfmpegTool(name: 'ffmpeg' | 'ffprobe', config: Config): string | undefined {
  const configured = name === 'ffmpeg' ? config.ffmpegPath : config.ffprobePath;
  if (configured === undefined) return which(name);
  return isExecutable(configured) ? configured : which(configured);
}

export function findFfmpeg(config: Config): FfmpegTools | undefined {
  const ffmpeg = findFfmpegTool('ffmpeg', config);
  const ffprobe = findFfmpegTool('ffprobe', config);
  return ffmpeg !== undefined && ffprobe !== undefined ? { ffmpeg, ffprobe } : undefined;
}

/**
 * Finds ffmpeg and ffprobe, or installs Debian's package where that needs no password.
 * @throws SetupError that says how to install it on this machine.
 */
export async function ensureFfmpeg(config: Config, report: Report): Promise<FfmpegTools> {
  const found = findFfmpeg(config);
  if (found !== undefined) return found;
  for (const [variable, value] of [
    ['FFMPEG_PATH', config.ffmpegPath],
    ['FFPROBE_PATH', config.ffprobePath],
  ]) {
    if (value !== undefined) throw new SetupError(`${variable} names no program that can be run: ${value}`);
  }
  const elevated = which('apt-get') === undefined ? undefined : await rootPrefix();
  if (elevated === undefined) throw new SetupError(`ffmpeg is missing. ${installHint()}`);
  report("ffmpeg is missing: installing the system's package, once, about half a minute");
  const output = await aptInstall('ffmpeg', elevated);
  const installed = findFfmpeg(config);
  if (installed === undefined) {
    throw new SetupError(`ffmpeg could not be installed. ${installHint()}\nWhat apt-get said:\n${output.slice(-1500)}`);
  }
  return installed;
}

/** What to put before a command to run it as root; undefined where that is not to be had without a password. */
async function rootPrefix(): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  if (which('sudo') === undefined) return undefined;
  return (await run('sudo', ['-n', 'true'])).code === 0 ? ['sudo', '-n'] : undefined;
}

/** Tries with the package lists at hand, then with fresh ones: a new machine or container has none. */
async function aptInstall(name: string, prefix: string[]): Promise<string> {
  const apt = (...args: string[]) => {
    const [command = '', ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    return run(command, rest);
  };
  const install = ['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', name];
  const first = await apt(...install);
  if (first.code === 0) return first.output;
  const update = await apt('update');
  const second = await apt(...install);
  return second.code === 0 ? second.output : update.output + second.output;
}

/** One sentence on how a person installs ffmpeg on this platform. */
export function installHint(platform: NodeJS.Platform = process.platform): string {
  const elsewhere = 'or set FFMPEG_PATH and FFPROBE_PATH';
  if (platform === 'darwin') return `Install it with: brew install ffmpeg (${elsewhere}).`;
  if (platform === 'win32') return `Install it with: winget install Gyan.FFmpeg (${elsewhere}).`;
  return `Install it with: sudo apt-get install ffmpeg, or: sudo dnf install ffmpeg (${elsewhere}).`;
}
