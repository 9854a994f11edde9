/**
 * `npm run fuzz -- [DIR]`: mutates the files of a folder, or small ones of every format that is read, and has each come to an
 * outcome: no process dies, hangs or is left, and no file is left. `--via worker` takes the whole system instead of the media
 * layer. Every problem is printed with the numbers that show it again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../common/config';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { messageOf, toStderr } from '../../local/embedded/report';
import { fuzz, type FuzzOptions } from './run';
import { makeSeeds } from './seeds';

const DEFAULTS = { count: '500', seconds: '600', seed: '1', from: '0', via: 'media' } as const;

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name}: expected a whole number, got "${text}"`);
}

function readOptions() {
  const option = (value: string) => ({ type: 'string', default: value }) as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: option(DEFAULTS.count),
      seconds: option(DEFAULTS.seconds),
      seed: option(DEFAULTS.seed),
      from: option(DEFAULTS.from),
      via: option(DEFAULTS.via),
      json: { type: 'boolean', default: false },
    },
  });
  if (values.via !== 'media' && values.via !== 'worker') throw new Error('--via: expected media or worker');
  const via: FuzzOptions['via'] = values.via;
  return {
    ...{ corpus: positionals[0], json: values.json, via },
    ...{ count: whole('count', values.count), seed: whole('seed', values.seed), from: whole('from', values.from) },
    limitMs: 1000 * whole('seconds', values.seconds),
  };
}

async function main(): Promise<number> {
  const { corpus, json, ...options } = readOptions();
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

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    toStderr(messageOf(error));
    process.exit(2);
  },
);
