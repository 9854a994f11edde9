import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { DarkroomError } from '../../common/errors';
import type { JobSource, Message } from '../../net/job-queues/source';
import { consume, type SubmitMessage } from '../../starter/job-queues/consume';
import { describeWhere } from '../support/only-where';
import { until } from '../support/stack';
import { redisQueue, sqsQueue, type Queue } from './queues';
import { isInstalled, startRedis, startSqs, type TestService } from './servers';

const logger = pino({ level: 'silent' });

const KINDS = [
  ['Redis stream', 'redis-server', startRedis, redisQueue],
  ['SQS queue', 'moto_server', startSqs, sqsQueue],
] as const;
for (const [name, program, startServer, openQueue] of KINDS) {
  describeWhere(isInstalled(program), `${program} is not installed`)(name, () => {
    let server: TestService;
    let queue: Queue;
    beforeAll(async () => {
      server = await startServer();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      queue = await openQueue(server);
    });
    afterEach(() => queue.close());

    /** Runs a consumer until the condition holds, and then until it has stopped in order. */
    async function consumeUntil(submit: SubmitMessage, condition: () => boolean | Promise<boolean>): Promise<void> {
      const source = queue.source();
      const stop = new AbortController();
      const loop = consume(source, submit, logger, stop.signal);
      await until(condition);
      stop.abort(new Error('done'));
      await loop;
      await source.close();
    }

    test('hands out every message once, and forgets it when its job is started', async () => {
      const bodies = Array.from({ length: 25 }, (__, index) => `{"source":"s3://b/${index}.jpg"}`);
      await Promise.all(bodies.map((body) => queue.send(body)));
      const seen: Message[] = [];
      await consumeUntil(
        async (message) => void seen.push(message),
        async () => seen.length === 25 && (await queue.left()) === 0,
      );
      expect(seen.map(({ body }) => body).sort()).toEqual([...bodies].sort());
      expect(new Set(seen.map(({ id }) => id)).size).toBe(25);
      expect(await queue.dead()).toEqual([]);
    });

    test('keeps a message whose job could not be started, and brings it again under the same id', async () => {
      await queue.send('{"source":"s3://b/a.jpg"}');
      const ids: string[] = [];
      const submit: SubmitMessage = async ({ id }) => {
        ids.push(id);
        if (ids.length === 1) throw new Error('Temporal is away');
      };
      await consumeUntil(submit, async () => ids.length === 2 && (await queue.left()) === 0);
      expect(ids[0]).toBe(ids[1]);
    });

    test('gives what a starter took and died over to the next one', async () => {
      await queue.send('{"source":"s3://b/a.jpg"}');
      const dying = queue.source();
      const [taken] = await dying.receive(new AbortController().signal);
      await dying.close();
      const seen: Message[] = [];
      await consumeUntil(
        async (message) => void seen.push(message),
        () => seen.length === 1,
      );
      expect(seen[0]!.id).toBe(taken!.id);
    });

    test('puts a message that can never work aside, with the reason, and goes on', async () => {
      await queue.send('no json');
      await queue.send('{"source":"s3://b/a.jpg"}');
      const seen: string[] = [];
      const submit: SubmitMessage = async ({ body }) => {
        if (body === 'no json') throw new DarkroomError('InvalidJob', 'The message is no JSON.');
        seen.push(body);
      };
      await consumeUntil(submit, async () => seen.length === 1 && (await queue.left()) === 0);
      expect(await queue.dead()).toEqual([{ body: 'no json', reason: 'InvalidJob: The message is no JSON.' }]);
    });

    test('stops while it waits for messages', async () => {
      const source = queue.source();
      const stop = new AbortController();
      const loop = consume(source, async () => {}, logger, stop.signal);
      await sleep(100);
      stop.abort(new Error('done'));
      await loop;
      await source.close();
    });

    test('outlasts a server that does not answer', async () => {
      const source = queue.source();
      let calls = 0;
      const flaky: JobSource = {
        name: source.name,
        receive: (signal) => (++calls === 1 ? Promise.reject(new Error('ECONNREFUSED')) : source.receive(signal)),
        done: (message) => source.done(message),
        aside: (message, reason) => source.aside(message, reason),
        close: () => source.close(),
      };
      await queue.send('{"source":"s3://b/a.jpg"}');
      const stop = new AbortController();
      let seen = 0;
      const loop = consume(flaky, async () => void seen++, logger, stop.signal);
      await until(async () => seen === 1 && (await queue.left()) === 0);
      stop.abort(new Error('done'));
      await loop;
      await source.close();
    });
  });
}
