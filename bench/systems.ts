import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../common/config';
import { which } from '../common/config/executables';
import { built } from '../common/paths';
import { startService } from '../local/embedded/child-process';
import { freePort } from '../local/embedded/free-port';
import { toStderr } from '../local/embedded/report';
import { ensureTemporalBinary } from '../local/embedded/temporal-binary';
import { startTemporalServer } from '../local/embedded/temporal-server';
import { fileUri } from '../storage';
import type { Tools } from './bare-recipe';
import { startRedis } from './redis';
import { keepApart, measure, total, type System } from './system';

/** The loop without a queue. */
export function bareLoop(tools: Tools): System {
  return {
    name: 'bare',
    run: async (set, output) => {
      const args = [built('bench/bare.js'), set.list, output, tools.ffmpeg, tools.ffprobe];
      const { answer, client } = await measure<{ seconds: number }>(args, process.env);
      return { seconds: answer.seconds, cpu: client };
    },
    stop: async () => {},
  };
}

/** BullMQ with the bare loop's recipe in its worker; undefined, and one line to the reader, where there is no Redis. */
export async function bullmq(folder: string, tools: Tools): Promise<System | undefined> {
  const program = which('redis-server');
  if (program === undefined) {
    toStderr('bench: redis-server is not on PATH, so BullMQ is left out (Debian: apt-get install redis-server)');
    return undefined;
  }
  const redis = await startRedis(program, path.join(folder, 'redis'));
  const port = String(redis.port);
  const env = { ...process.env, BENCH_REDIS_PORT: port, BENCH_FFMPEG: tools.ffmpeg, BENCH_FFPROBE: tools.ffprobe };
  const logFile = path.join(folder, 'bullmq-worker.log');
  const worker = await startService({ module: 'bench/bullmq-worker.js', env, logFile }).catch(
    async (error: unknown) => {
      await redis.stop();
      throw error;
    },
  );
  keepApart(redis.pid, worker.pid);
  return {
    name: 'BullMQ',
    about: `BullMQ on ${redis.version}, append-only file synced once a second`,
    run: async (set, output) => {
      const args = [built('bench/bullmq-client.js'), set.list, output, port];
      const services = { worker: worker.pid, server: redis.pid };
      const { answer, client, parts } = await measure<{ seconds: number }>(args, process.env, services);
      return { seconds: answer.seconds, cpu: client + total(parts), parts: { ...parts, client } };
    },
    stop: async () => {
      await worker.stop();
      await redis.stop();
    },
  };
}

/** Darkroom with an embedded server of its own and one worker process. */
export async function darkroom(folder: string, config: Config): Promise<System> {
  const binary = await ensureTemporalBinary(config, toStderr);
  const home = path.join(folder, 'server');
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const server = await startTemporalServer({ home, port, binary });
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    DARKROOM_HOME: home,
    DARKROOM_SCRATCH_DIR: path.join(folder, 'scratch'),
    DARKROOM_ALLOWED_ROOTS: [folder, ...config.allowedRoots].join(','),
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
  };
  const logFile = path.join(home, 'worker.log');
  const worker = await startService({ module: 'workers/main.js', env, logFile }).catch((error: unknown) => {
    process.kill(server);
    throw error;
  });
  keepApart(server, worker.pid);
  let runs = 0;
  return {
    name: 'Darkroom',
    run: async (set, output) => {
      const batch = `bench-${++runs}`;
      const args = ['--input', set.list, '--output', fileUri(output), '--batch-id', batch, '--json'];
      const services = { worker: worker.pid, server };
      const { answer, client, parts } = await measure<{ seconds: number; completed: number }>(
        [built('starter/cli/start-batch.js'), ...args],
        env,
        services,
      );
      if (answer.completed !== set.count) throw new Error(`start-batch completed ${answer.completed} of ${set.count}.`);
      return { seconds: answer.seconds, cpu: client + total(parts), parts: { ...parts, client } };
    },
    stop: async () => {
      await worker.stop();
      process.kill(server);
    },
  };
}
