/**
 * `npm run fuzz -- [DIR]`: mutates the files of a folder, or small ones of every format that is read, and has each come to an
 * outcome: no process dies, hangs or is left, and no file is left. `--via worker` takes the whole system instead of the media
 * layer. Every problem is printed with the numbers that show it again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Option, type Command } from 'commander';
import { loadConfig } from '../../common/config';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { toStderr } from '../../local/embedded/report';
import { runCommand } from '../../starter/cli/ui/command';
import { command, wholeNumber } from '../../starter/cli/ui/options';
import { fuzz, type FuzzOptions } from './run';
import { makeSeeds } from './seeds';

interface Options extends Pick<FuzzOptions, 'count' | 'seed' | 'from' | 'via'> {
  seconds: number;
  json: boolean;
}

function parser(): Command {
  const number = wholeNumber(0, 999_999_999);
  return command('fuzz', 'Damages files and has each come to an outcome, so that no process dies, hangs or is left.')
    .argument('[dir]', 'a folder of files to damage; without it, small ones of every format that is read')
    .option('--count <n>', 'damaged files', number, 500)
    .option('--seconds <s>', 'most time', number, 600)
    .option('--seed <n>', 'the same seed gives the same files', number, 1)
    .option('--from <n>', 'number of the first damaged file', number, 0)
    .addOption(
      new Option('--via <way>', 'the media layer alone, or the whole system')
        .choices(['media', 'worker'])
        .default('media'),
    )
    .option('--json', 'the report as JSON', false);
}

async function main(): Promise<number> {
  const parsed = parser().parse(process.argv);
  const [corpus] = parsed.args;
  const { json, seconds, ...rest } = parsed.opts<Options>();
  const options = { ...rest, limitMs: 1000 * seconds };
  const tools = await ensureFfmpeg(loadConfig(), toStderr);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-fuzz-'));
  try {
    const seeds = path.join(folder, 'seeds');
    if (corpus === undefined) await makeSeeds(seeds, tools.ffmpeg);
    let told = Date.now();
    const report = await fuzz({
      ...{ ...options, corpus: corpus === undefined ? seeds : path.resolve(corpus), folder },
      tools: { ffmpegPath: tools.ffmpeg, ffprobePath: tools.ffprobe },
      onProgress: (done) => {
        if (Date.now() - told < 10_000) return;
        told = Date.now();
        toStderr(`${done} of ${options.count} files`);
      },
    });
    const outcomes = Object.entries(report.outcomes).sort(([, a], [, b]) => b - a);
    const lines = [
      `${report.files} of ${options.count} files, seed ${options.seed}, via ${options.via}: each came to an outcome`,
      ...outcomes.map(([outcome, count]) => `  ${String(count).padStart(6)}  ${outcome}`),
      ...(report.problems.length > 0 ? [`${report.problems.length} problems:`, ...report.problems] : ['no problem']),
    ];
    process.stdout.write(`${json ? JSON.stringify(report) : lines.join('\n')}\n`);
    return report.problems.length === 0 && report.files > 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

runCommand(main);
