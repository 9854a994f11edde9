/** Maintenance of the queues of jobs: a real Redis, and a stand-in that answers as SQS does. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityDeps } from '../../activities/deps';
import { cleanQueue } from '../../activities/maintenance/queue';
import { Findings, type StepContext } from '../../activities/maintenance/step';
import { loadConfig } from '../../common/config';
import type { DeadLetters, StepTally } from '../../common/maintenance';
import type { Leftover, Message, QueueUpkeep } from '../../net/job-queues/source';
import { describeWhere } from '../support/only-where';
import { freePort } from '../support/stack';
import { redisQueue, sqsQueue, type Queue } from './queues';
import { isInstalled, startRedis, startSqs, type TestService } from './servers';

const never = new AbortController().signal;

/** Runs the step as a worker with the queue's configuration does. */
async function runStep(env: Record<string, string>, cleanup: boolean, deadLetters: DeadLetters): Promise<StepTally> {
  const findings = new Findings(cleanup, undefined, () => undefined);
  const pulse = { throwIfOver: () => undefined, signal: never };
  // Of all that activities work with, this step takes the configuration.
  const deps = { config: loadConfig(env) } as ActivityDeps;
  await cleanQueue({ deps, findings, cleanup, deadLetters, pulse } as StepContext);
  return findings.tally;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

/** Runs `work` with a consumer of the queue, and closes it. */
async function withSource<T>(queue: Queue, work: (source: ReturnType<Queue['source']>) => Promise<T>): Promise<T> {
  const source = queue.source();
  return work(source).finally(() => source.close());
}

/** Takes what is in the queue within a moment. */
function take(queue: Queue): Promise<Message[]> {
  return withSource(queue, (source) => source.receive(never));
}

const KINDS = [
  ['Redis stream', 'redis-server', startRedis, redisQueue],
  ['SQS queue', 'moto_server', startSqs, sqsQueue],
] as const;
for (const [name, program, startServer, openQueue] of KINDS) {
  describeWhere(isInstalled(program), `${program} is not installed`)(name, () => {
    let server: TestService;
    let queue: Queue;
    beforeAll(async () => {
      process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
      server = await startServer();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      queue = await openQueue(server);
    });
    afterEach(() => queue.close());

    /** Puts so many messages aside, and returns the ids that they had. */
    async function putAside(count: number): Promise<string[]> {
      const ids: string[] = [];
      for (let i = 0; i < count; i++) await queue.send(`{"source":"s3://b/${i}.jpg"}`);
      await withSource(queue, async (source) => {
        while (ids.length < count) {
          for (const message of await source.receive(never)) {
            ids.push(message.id);
            await source.aside(message, `InvalidJob: no. ${ids.length}`);
          }
        }
      });
      return ids.sort();
    }

    test('dead letters are counted and named, and stay where nobody decides', async () => {
      const ids = await putAside(12);
      for (const cleanup of [false, true]) {
        const tally = await runStep(queue.env, cleanup, 'keep');
        expect(tally).toMatchObject({ found: 12, removed: 0, note: expect.stringContaining('12 dead letters') });
        expect(tally.examples.map((example) => example.split(': ')[0]).sort()).toEqual(ids);
        expect(tally.examples[0]).toMatch(/: InvalidJob: no\. \d+$/);
      }
      expect(await runStep(queue.env, false, 'drop')).toMatchObject({ found: 12, removed: 0 });
      expect(await queue.left()).toBe(0);
    });

    test('a replay brings each back once, under the id that it had', async () => {
      const ids = await putAside(3);
      expect(await runStep(queue.env, true, 'replay')).toMatchObject({ found: 3, removed: 3 });
      expect(await runStep(queue.env, true, 'replay')).toMatchObject({ found: 0 });
      expect(await queue.dead()).toEqual([]);
      const messages: Message[] = [];
      while (messages.length < 3) messages.push(...(await take(queue)));
      expect(messages.map(({ id }) => id).sort()).toEqual(ids);
      expect(messages.map(({ body }) => body).sort()).toEqual([0, 1, 2].map((i) => `{"source":"s3://b/${i}.jpg"}`));
    });

    test('a replayed message that is put aside again is not replayed in the same run', async () => {
      const [id] = await putAside(1);
      await withSource(queue, async (source) => {
        for await (const letter of source.deadLetters()) {
          await letter.replay();
          for (const message of await take(queue)) await source.aside(message, 'again');
        }
      });
      const names = await withSource(queue, async (source) => (await all(source.deadLetters())).map((one) => one.name));
      expect(names).toEqual([`${id}: again`]);
    });

    test('dropped letters are gone', async () => {
      await putAside(2);
      expect(await runStep(queue.env, true, 'drop')).toMatchObject({ found: 2, removed: 2 });
      expect(await queue.dead()).toEqual([]);
      expect(await queue.left()).toBe(0);
    });
  });
}

describeWhere(isInstalled('redis-server'), 'redis-server is not installed')('Redis stream', () => {
  let server: TestService;
  let queue: Queue;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    queue = await redisQueue(server);
  });
  afterEach(() => queue.close());

  /** What the maintenance finds, after the time that counts as long. */
  async function leftovers(source: QueueUpkeep): Promise<Leftover[]> {
    await sleep(150);
    return all(source.leftovers());
  }

  test('a stream that is not there has nothing to keep up', async () => {
    expect(await runStep(queue.env, true, 'replay')).toMatchObject({ found: 0, removed: 0 });
  });

  test('what a starter took and never finished is sent again under its id, and its consumer goes', async () => {
    await queue.send('{"source":"s3://b/a.jpg"}');
    const [taken] = await take(queue);
    await withSource(queue, async (source) => {
      const [stuck, ...others] = await leftovers(source);
      expect(stuck!.name).toContain(`${taken!.id}: taken by `);
      // A consumer that has messages stays.
      expect(others).toEqual([]);
      // Twice: the second one finds that somebody has it.
      await stuck!.clear();
      await stuck!.clear();
      const [consumer, ...rest] = await leftovers(source);
      expect([consumer!.name, rest]).toEqual([expect.stringMatching(/^consumer /), []]);
      await consumer!.clear();
      expect(await leftovers(source)).toEqual([]);
    });
    expect(await queue.left()).toBe(1);
    expect((await take(queue)).map(({ id, body }) => [id, body])).toEqual([[taken!.id, taken!.body]]);
  });

  test('a consumer that has taken a message meanwhile stays', async () => {
    await queue.send('{"source":"s3://b/a.jpg"}');
    await withSource(queue, async (source) => {
      for (const message of await source.receive(never)) await source.done(message);
      const [consumer] = await leftovers(source);
      await queue.send('{"source":"s3://b/b.jpg"}');
      const [taken] = await take(queue);
      await consumer!.clear();
      expect((await leftovers(source)).map(({ name }) => name)).toEqual([expect.stringContaining(taken!.id)]);
    });
  });

  test('a queue that does not answer fails the step with that sentence', async () => {
    const env = { ...queue.env, DARKROOM_REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
    await expect(runStep(env, true, 'keep')).rejects.toThrow(/^The queue of jobs does not answer: .*ECONNREFUSED/);
  });
});
