import { Redis } from 'ioredis';
import path from 'node:path';
import { startService, type Service } from '../../local/embedded/child-process';
import { describeWhere } from '../support/only-where';
import { startStack, until, type Stack } from '../support/stack';
import { isInstalled, startRedis, type TestService } from './servers';

describeWhere(isInstalled('redis-server'), 'redis-server is not installed')('jobs from a Redis stream', () => {
  let redisServer: TestService;
  let stack: Stack;
  let starter: Service;
  let redis: Redis;

  beforeAll(async () => {
    redisServer = await startRedis();
    const url = `redis://127.0.0.1:${redisServer.port}`;
    redis = new Redis(url);
    stack = await startStack();
    starter = await startService({
      module: 'starter/server/main.js',
      env: { ...stack.env, DARKROOM_HTTP_PORT: '0', DARKROOM_JOB_SOURCE: 'redis', DARKROOM_REDIS_URL: url },
      logFile: path.join(stack.home, 'log/starter.log'),
    });
  });
  afterAll(async () => {
    await starter?.stop();
    await stack?.stop();
    await redis?.quit();
    await redisServer.stop();
  });

  const send = (job: object) => redis.xadd('darkroom:jobs', '*', 'job', JSON.stringify(job));
  const source = () => `file://${stack.home}/a.jpg`;

  test('a message becomes the workflow that its id names, and leaves the stream', async () => {
    const id = await send({ source: source() });
    await until(async () => (await redis.xlen('darkroom:jobs')) === 0);
    const run = await stack.client.workflow.getHandle(`redis/${id}`).describe();
    expect(run.type).toBe('processImage');
    expect(await redis.xlen('darkroom:jobs:dead')).toBe(0);
  });

  test('the same job sent twice under an id of its own is one run', async () => {
    await send({ id: 'order-1', source: source() });
    await send({ id: 'order-1', source: source() });
    await until(async () => (await redis.xlen('darkroom:jobs')) === 0);
    const { count } = await stack.client.workflow.count('WorkflowId = "redis/order-1"');
    expect(count).toBeLessThanOrEqual(1);
    const run = await stack.client.workflow.getHandle('redis/order-1').describe();
    expect(run.status.name).toBe('RUNNING');
  });

  test.each([
    ['a source that is not allowed', { source: 'file:///etc/passwd' }, /^SourceForbidden: /],
    ['a preset that does not exist', { source: 's3://b/a.jpg', preset: 'nope' }, /^(InvalidJob|SourceForbidden): /],
    ['a field that nobody knows', { source: 'file:///a.jpg', colour: 'red' }, /^InvalidJob: .*colour/],
  ])('%s goes to the dead letters with the reason', async (_, job, reason) => {
    const before = await redis.xlen('darkroom:jobs:dead');
    await send(job);
    await until(async () => (await redis.xlen('darkroom:jobs:dead')) === before + 1);
    const [[, fields]] = (await redis.xrevrange('darkroom:jobs:dead', '+', '-', 'COUNT', 1)) as [[string, string[]]];
    expect(fields[5]).toMatch(reason);
    await until(async () => (await redis.xlen('darkroom:jobs')) === 0);
  });

  test('jobs that come while Temporal is away are started when it is back', async () => {
    const restart = stack.restartServer();
    const id = await send({ source: source() });
    await restart;
    await until(async () => (await redis.xlen('darkroom:jobs')) === 0);
    const run = await stack.client.workflow.getHandle(`redis/${id}`).describe();
    expect(run.status.name).toBe('RUNNING');
  });
});
