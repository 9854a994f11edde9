/**
 * Adds a list of sources to the benchmark's BullMQ queue and waits until all are done.
 * Run as: node bullmq-client.js <list.jsonl> <output folder> <Redis port>; prints {"seconds":…}, from the first add to
 * the last end. Ends with exit code 1 where a job failed.
 */
import { Queue, QueueEvents } from 'bullmq';
import path from 'node:path';
import { QUEUE, redisAt, type BenchJob } from './bullmq-queue';
import { readList } from './sources';

/** Jobs that one call adds: large enough for few round trips, small enough that the first job starts at once. */
const CHUNK = 100;

/** What a team would set: failed jobs are tried again, as Darkroom does. */
const RETRIES = { attempts: 3, backoff: { type: 'exponential', delay: 1000 } };

async function main([list, output, port]: string[]): Promise<void> {
  if (list === undefined || output === undefined || port === undefined) {
    throw new Error('usage: bullmq-client.js <list.jsonl> <output folder> <Redis port>');
  }
  const connection = redisAt(port);
  const queue = new Queue<BenchJob>(QUEUE, { connection });
  const events = new QueueEvents(QUEUE, { connection });
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
  const jobs = await readList(list);
  const ended = new Promise<void>((resolve, reject) => {
    let open = jobs.length;
    events.on('completed', () => void (--open === 0 && resolve()));
    events.on('failed', ({ failedReason }) => reject(new Error(`A BullMQ job failed: ${failedReason}`)));
  });
  const started = performance.now();
  const adding = async (): Promise<void> => {
    for (let from = 0; from < jobs.length; from += CHUNK) {
      const chunk = jobs.slice(from, from + CHUNK);
      await queue.addBulk(
        chunk.map((job, index) => ({
          name: job.kind ?? 'image',
          data: { job, folder: path.join(output, String(from + index)) },
          opts: RETRIES,
        })),
      );
    }
  };
  await Promise.all([adding(), ended]);
  const seconds = (performance.now() - started) / 1000;
  await queue.obliterate({ force: true });
  await Promise.all([events.close(), queue.close()]);
  process.stdout.write(JSON.stringify({ seconds }) + '\n');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
