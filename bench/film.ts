/**
 * `npm run bench:film -- [--seconds 600] [--only ffmpeg,whole,killed,scale]`: a film of 1080p with cuts, grain and sound,
 * encoded in chunks by two workers of one core each, beside one ffmpeg that makes the same rungs on both cores; then once
 * more with a worker killed half way; then chunks whose encoder sleeps, by one to eight workers. Ten minutes of film take
 * about half an hour on two cores. Prints Markdown. Never fails on a number.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../common/config';
import { ensureFfmpeg } from '../local/embedded/ffmpeg';
import { toStderr } from '../local/embedded/report';
import { cpuSeconds } from './cpu';
import { chunkedRun, type Cost, type Run } from './film/run';
import { filmReport, head, row, scaleReport } from './film/report';
import { scaling } from './film/scale';
import { filmEnv, HEIGHTS, PRESET, RATES } from './film/setting';
import { machine } from './table';

const HELP = `npm run bench:film -- [options]
  --seconds N   length of the film, 60 to 7200; 600, which takes about half an hour on two cores; 300 takes 17 minutes
  --only PARTS  some of ffmpeg,whole,killed,scale, with commas between; killed needs whole
`;
const PARTS = ['ffmpeg', 'whole', 'killed', 'scale'] as const;
type Part = (typeof PARTS)[number];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '600' }, only: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) return void process.stdout.write(HELP);
  const seconds = Number(values.seconds);
  const parts = (values.only?.split(',') ?? PARTS) as Part[];
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (!(seconds >= 60 && seconds <= 7200) || unknown !== undefined) throw new Error(`see\n${HELP}`);
  const config = loadConfig();
  const folder = path.join(config.home, 'bench', 'film');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { ffmpeg } = await ensureFfmpeg(config, toStderr);
  try {
    process.stdout.write(`${machine()}\n`);
    if (parts.some((part) => part !== 'scale')) await films(folder, ffmpeg, seconds, parts);
    if (parts.includes('scale')) process.stdout.write(scaleReport(await scaling(folder, ffmpeg)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each figure is printed as soon as there is one. */
async function films(folder: string, ffmpeg: string, seconds: number, parts: Part[]): Promise<void> {
  toStderr(`bench: makes a film of ${seconds} s`);
  const film = makeFilm(folder, ffmpeg, seconds);
  process.stdout.write(head(seconds));
  const bare = parts.includes('ffmpeg') ? await bareRun(folder, ffmpeg, film) : undefined;
  if (bare) process.stdout.write(row('one ffmpeg on all cores, MP4 only', bare, bare));
  if (!parts.includes('whole')) return;
  toStderr('bench: two workers of one core each');
  const setting = { root: folder, source: film, preset: PRESET, env: filmEnv(seconds) };
  const whole = await chunkedRun({ ...setting, home: path.join(folder, 'whole'), workers: 2 });
  process.stdout.write(row('two workers of one core', whole, bare));
  let killed: Run | undefined;
  if (parts.includes('killed')) {
    toStderr('bench: the same with a worker killed half way');
    const home = path.join(folder, 'killed');
    killed = await chunkedRun({ ...setting, home, workers: 2, killAfter: whole.wall / 2 });
    process.stdout.write(row('the same, one killed half way', killed, bare));
  }
  process.stdout.write(filmReport(seconds, whole, killed));
}

/** Cuts every seven seconds, moving pictures, grain, and a sound that changes: a minute of it, as often as it takes. */
function makeFilm(folder: string, ffmpeg: string, seconds: number): string {
  const [minute, file] = [path.join(folder, 'minute.mp4'), path.join(folder, 'film.mp4')];
  const picture = 'testsrc2=s=1920x1080:r=30:d=60,hue=h=floor(t/7)*73,noise=alls=6:allf=t';
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=f=300:beep_factor=4:d=60'];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-pix_fmt', 'yuv420p', '-g', '240'];
  const quiet = ['-v', 'error', '-nostdin', '-y'];
  execFileSync(ffmpeg, [...quiet, ...inputs, ...x264, '-c:a', 'aac', '-shortest', minute]);
  const times = String(Math.ceil(seconds / 60) - 1);
  execFileSync(ffmpeg, [...quiet, '-stream_loop', times, '-i', minute, '-c', 'copy', '-t', String(seconds), file]);
  return file;
}

/** The same rungs by one command, one decode. */
async function bareRun(folder: string, ffmpeg: string, film: string): Promise<Cost> {
  toStderr('bench: one ffmpeg on both cores');
  const pads = HEIGHTS.map((height) => `[v${height}]`);
  const tails = HEIGHTS.map((height) => `[v${height}]scale=-2:${height},format=yuv420p[o${height}]`);
  const x264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-crf', '23'];
  const keys = ['-g', '60', '-keyint_min', '60', '-sc_threshold', '0'];
  const outputs = HEIGHTS.flatMap((height) => [
    ...['-map', `[o${height}]`, '-map', '0:a', ...x264, ...keys],
    ...['-maxrate', `${RATES[height]}k`, '-bufsize', `${2 * (RATES[height] ?? 0)}k`],
    ...['-c:a', 'aac', '-b:a', '128k', path.join(folder, `bare-${height}.mp4`)],
  ]);
  const graph = `[0:v]split=${HEIGHTS.length}${pads.join('')};${tails.join(';')}`;
  const started = performance.now();
  const child = spawn(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-i', film, '-filter_complex', graph, ...outputs], {
    stdio: 'inherit',
  });
  let cpu = 0;
  const timer = setInterval(() => (cpu = Math.max(cpu, cpuSeconds(child.pid ?? 0))), 100);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`ffmpeg ended with ${String(code)}`);
  return { wall: (performance.now() - started) / 1000, cpu };
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
