/**
 * `npm run bench:film -- [--seconds 600]`: a film of 1080p with cuts, grain and sound, encoded in chunks by two workers of one
 * core each, beside one ffmpeg that makes the same rungs on both cores; then once more with a worker killed half way.
 * Prints Markdown. Never fails on a number.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadConfig, type Env } from '../common/config';
import { workflowId, type WorkItem } from '../common/contracts';
import { startService, type Service } from '../local/embedded/child-process';
import { ensureFfmpeg } from '../local/embedded/ffmpeg';
import { freePort } from '../local/embedded/free-port';
import { toStderr } from '../local/embedded/report';
import { ensureTemporalBinary } from '../local/embedded/temporal-binary';
import { startTemporalServer } from '../local/embedded/temporal-server';
import { parsePreset, recipeHash } from '../media/presets';
import { submitItem } from '../starter/core/submit';
import { createStorage, fileUri, type Storage } from '../storage';
import { connect, createClient } from '../temporal/connect';
import { cpuSeconds } from './cpu';
import { machine } from './table';

const HEIGHTS = [1080, 720, 480, 360];
const RATES: Record<number, number> = { 1080: 6000, 720: 3000, 480: 1100, 360: 365 };
const rung = (height: number): string =>
  `{ name: ${height}p, height: ${height}, crf: 23, maxrate: ${RATES[height]}, speed: veryfast, audioBitrate: 128 }`;
const PRESET = parsePreset('film', `video: { hls: true, rungs: [${HEIGHTS.map(rung).join(', ')}] }`);

interface Run {
  wall: number;
  cpu: number;
  chunks: number;
  events: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } });
  const seconds = Number(values.seconds);
  const config = loadConfig();
  const folder = path.join(config.home, 'bench', 'film');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { ffmpeg } = await ensureFfmpeg(config, toStderr);
  toStderr(`bench: makes a film of ${seconds} s`);
  const film = makeFilm(folder, ffmpeg, seconds);
  toStderr('bench: one ffmpeg on both cores');
  const bare = await bareRun(folder, ffmpeg, film);
  toStderr('bench: two workers of one core each');
  const whole = await chunkedRun(path.join(folder, 'whole'), folder, { film, seconds }, Infinity);
  toStderr('bench: the same with a worker killed half way');
  const killed = await chunkedRun(path.join(folder, 'killed'), folder, { film, seconds }, whole.wall / 2);
  process.stdout.write(report(seconds, bare, whole, killed));
  await rm(folder, { recursive: true, force: true });
}

/** Cuts every seven seconds, moving pictures, grain, and a sound that changes. */
function makeFilm(folder: string, ffmpeg: string, seconds: number): string {
  const file = path.join(folder, 'film.mp4');
  const picture = `testsrc2=s=1920x1080:r=30:d=${seconds},hue=h=floor(t/7)*73,noise=alls=6:allf=t`;
  const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=f=300:beep_factor=4:d=${seconds}`];
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-crf',
    '20',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '240',
    '-c:a',
    'aac',
  ];
  execFileSync(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...inputs, ...codecs, file]);
  return file;
}

/** The same rungs by one command, one decode. */
async function bareRun(folder: string, ffmpeg: string, film: string): Promise<Pick<Run, 'wall' | 'cpu'>> {
  const pads = HEIGHTS.map((height) => `[v${height}]`);
  const tails = HEIGHTS.map((height) => `[v${height}]scale=-2:${height},format=yuv420p[o${height}]`);
  const outputs = HEIGHTS.flatMap((height) => [
    ...[
      '-map',
      `[o${height}]`,
      '-map',
      '0:a',
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-profile:v',
      'high',
      '-crf',
      '23',
    ],
    ...['-maxrate', `${RATES[height]}k`, '-bufsize', `${2 * (RATES[height] ?? 0)}k`, '-g', '60', '-keyint_min', '60'],
    ...['-sc_threshold', '0', '-c:a', 'aac', '-b:a', '128k', path.join(folder, `bare-${height}.mp4`)],
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

/** @param killAfter seconds until one of the workers is killed and another one started */
async function chunkedRun(
  home: string,
  root: string,
  { film, seconds }: { film: string; seconds: number },
  killAfter: number,
): Promise<Run> {
  await mkdir(home);
  const port = await freePort();
  const env: Env = {
    ...process.env,
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    DARKROOM_HOME: home,
    DARKROOM_ALLOWED_ROOTS: root,
    DARKROOM_VIDEO_SLOTS: '1',
    DARKROOM_FFMPEG_THREADS: '1',
    // In chunks however short the film is, and in as many as one of ten minutes.
    DARKROOM_SHORT_VIDEO: '0',
    DARKROOM_CHUNK_CPU: `${Math.round(100 * seconds)}ms`,
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
  };
  const config = loadConfig(env);
  const server = await startTemporalServer({ home, port, binary: await ensureTemporalBinary(config, toStderr) });
  const connection = await connect(config);
  const client = createClient(connection, config);
  const storage = createStorage(config);
  const start = (number: number): Promise<Service> =>
    startService({
      module: 'workers/main.js',
      env: { ...env, DARKROOM_SCRATCH_DIR: path.join(home, `scratch-${number}`) },
      logFile: path.join(home, `worker-${number}.log`),
    });
  const workers = [await start(1), await start(2)];
  try {
    const item: WorkItem = {
      ...{ batchId: 'film', itemKey: 'film', kind: 'video', preset: PRESET, recipe: recipeHash(PRESET, 'video') },
      ...{ source: fileUri(film), output: fileUri(path.join(home, 'out')), priority: 3, tenant: 'default' },
    };
    const started = performance.now();
    await submitItem({ client, storage, queuePrefix: config.queuePrefix }, item);
    const handle = client.workflow.getHandle(workflowId('film', 'film'));
    const ended = handle.result().then(() => 'ended' as const);
    if (killAfter < Infinity && (await Promise.race([ended, sleep(killAfter * 1000, 'kill' as const)])) === 'kill') {
      process.kill(workers[0]?.pid ?? 0, 'SIGKILL');
      await workers[0]?.ended;
      workers.push(await start(3));
    }
    await ended;
    const wall = (performance.now() - started) / 1000;
    const { events } = await handle.fetchHistory();
    return { wall, ...(await costOf(storage, item)), events: events?.length ?? 0 };
  } finally {
    await Promise.all(workers.map((service) => service.stop()));
    storage.close();
    await connection.close();
    process.kill(server, 'SIGKILL');
  }
}

/** By the receipts in the manifest: what the child processes of attempts that ended well have used. */
async function costOf(storage: Storage, item: WorkItem): Promise<Pick<Run, 'cpu' | 'chunks'>> {
  const found = await storage.readManifest(item.output);
  const receipts = Object.values(found?.manifest.receipts ?? {});
  const cpu = receipts.reduce((sum, receipt) => sum + receipt.cpuSeconds, 0);
  return { cpu, chunks: found?.manifest.chunks ?? 0 };
}

function report(seconds: number, bare: Pick<Run, 'wall' | 'cpu'>, whole: Run, killed: Run): string {
  const row = (name: string, { wall, cpu }: Pick<Run, 'wall' | 'cpu'>): string =>
    `| ${name} | ${wall.toFixed(1)} | ${(wall / bare.wall).toFixed(2)} | ${cpu.toFixed(1)} | ${(cpu / bare.cpu).toFixed(2)} |`;
  return [
    machine(),
    '',
    `A film of ${seconds} s, 1080p at 30 frames a second, ${HEIGHTS.length} rungs, ${whole.chunks} chunks, HLS and MP4:`,
    '',
    '| | wall (s) | of bare | CPU of programs (s) | of bare |',
    '| - | - | - | - | - |',
    row('one ffmpeg on all cores, MP4 only', bare),
    row('two workers of one core', whole),
    row('the same, one killed half way', killed),
    '',
    `Events in the history: ${whole.events}, ${Math.round((whole.events * 3600) / seconds)} for an hour of film.`,
    '',
  ].join('\n');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
