/** start-batch while a store or Temporal is away: nothing ends as failed that never ran, and the wait is shown. */
import path from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { readFolder } from '../../starter/inputs/folder';
import { createStorage } from '../../storage';
import { photo } from '../api/support';
import { expectToAddUp, startCommand } from '../support/cli';
import { startFront, type Front } from '../support/front';
import { startProxy, type Proxy } from '../support/proxy';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';
import { startStack, type Stack } from '../support/stack';

let s3: TestS3 | undefined;
let front: Front;
let temporal: Proxy;
let stack: Stack;
beforeAll(async () => {
  s3 = await startS3();
  await s3?.bucket('media');
  front = await startFront(s3?.endpoint ?? 'http://127.0.0.1:1');
  stack = await startStack({
    S3_ENDPOINT: s3?.endpoint ?? '',
    S3_FORCE_PATH_STYLE: 'true',
    S3_ACCESS_KEY_ID: s3?.accessKey ?? '',
    S3_SECRET_ACCESS_KEY: s3?.secretKey ?? '',
    DARKROOM_ALLOWED_BUCKETS: 'media',
  });
  temporal = await startProxy(Number(stack.config.temporalAddress?.split(':')[1]));
  await stack.worker({ DARKROOM_POOLS: 'workflows,image' });
}, 2 * S3_START_TIMEOUT);
afterAll(async () => {
  await temporal?.close();
  await stack?.stop();
  await front?.close();
  await s3?.stop();
});

const away = { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };

testWithS3('a store that answers 503 while files are staged is waited for; all of them are done then', async () => {
  for (const name of ['s1', 's2', 's3']) await photo(stack, `staged/${name}`);
  front.answer = () => away;
  const args = ['--input', path.join(stack.home, 'in/staged'), '--staging', 's3://media/staging', '--json'];
  const command = startCommand(stack, 'start-batch', args, { S3_ENDPOINT: front.url });
  await command.says(/Waiting for the store since \d\d:\d\d:\d\d.*could not serve/);
  await command.says(/"outage":\{"what":"the store","since":"20/);
  front.answer = () => undefined;
  const { code, summary, stderr } = await command.ended;
  expect(summary).toMatchObject({ submitted: 3, completed: 3, failed: 0, rejected: 0 });
  expectToAddUp(summary);
  expect([code, /The store answers again, after/.test(stderr)]).toEqual([0, true]);
});

testWithS3('Ctrl-C ends the waiting at once', async () => {
  await photo(stack, 'stopped/one');
  front.answer = () => away;
  const args = ['--input', path.join(stack.home, 'in/stopped'), '--staging', 's3://media/staging'];
  const command = startCommand(stack, 'start-batch', args, { S3_ENDPOINT: front.url });
  await command.says('Waiting for the store');
  command.signal('SIGINT');
  expect((await command.ended).code).toBe(130);
});

testWithS3('a listing goes on where it was when the store went away', async () => {
  const keys = ['a', 'b', 'c', 'd', 'e'].map((name) => `listed/${name}.jpg`);
  for (const Key of keys) await s3?.client.send(new PutObjectCommand({ Bucket: 'media', Key, Body: 'x' }));
  const config = { ...stack.config, s3Endpoint: front.url };
  const storage = createStorage(config, { page: 2 });
  let [lists, failures] = [0, 0];
  front.answer = ({ url }) => {
    if (!url?.includes('list-type=2') || ++lists < 2 || failures >= 8) return undefined;
    failures++;
    return away;
  };
  const waits: unknown[] = [];
  const names: string[] = [];
  for await (const { name } of readFolder(storage, 's3://media/listed', { onWait: (error) => waits.push(error) })) {
    names.push(name);
  }
  storage.close();
  expect(names).toEqual(keys.map((key) => `s3://media/${key}`));
  expect(waits.length).toBeGreaterThan(0);
});

test('a starter that comes while Temporal is away waits, and so does one that submits', async () => {
  for (const name of ['t1', 't2']) await photo(stack, `early/${name}`);
  temporal.refuse();
  const env = { TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}` };
  const command = startCommand(stack, 'start-batch', ['--input', path.join(stack.home, 'in/early'), '--json'], env);
  await command.says(/Waiting for Temporal since \d\d:\d\d:\d\d/);
  temporal.admit();
  const { code, summary } = await command.ended;
  expect(summary).toMatchObject({ submitted: 2, completed: 2 });
  expect(code).toBe(0);
});

test('a Temporal that never answers is one sentence in the end', async () => {
  const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', DARKROOM_CONNECT_WAIT: '100ms' };
  const { code, stderr } = await startCommand(stack, 'start-batch', ['--input', stack.home], env).ended;
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^Temporal at 127\.0\.0\.1:1 does not answer/);
});
