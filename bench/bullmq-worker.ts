/**
 * The worker process of the benchmark's BullMQ: the bare loop's recipe, as many jobs at once as there are cores, until
 * SIGTERM. Reads BENCH_REDIS_PORT, BENCH_FFMPEG and BENCH_FFPROBE.
 */
import { Worker } from 'bullmq';
import { availableCores } from '../common/cores';
import { loadConfig } from '../common/config';
import { bareRecipe } from './bare-recipe';
import { QUEUE, redisAt, type BenchJob } from './bullmq-queue';

async function main(): Promise<void> {
  const { BENCH_REDIS_PORT: port = '', BENCH_FFMPEG: ffmpeg = '', BENCH_FFPROBE: ffprobe = '' } = process.env;
  const recipe = await bareRecipe(loadConfig().presetsDir, { ffmpeg, ffprobe });
  const worker = new Worker<BenchJob>(QUEUE, ({ data }) => recipe(data.job, data.folder), {
    connection: redisAt(port),
    concurrency: availableCores(),
  });
  await worker.waitUntilReady();
  process.send?.({ type: 'ready', httpPort: 0 });
  await new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('disconnect', resolve);
  });
  await worker.close();
  process.disconnect?.();
}

void main();
