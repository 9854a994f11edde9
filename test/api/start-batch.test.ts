/** `start-batch --api`: local files go through the service, and the summary is the one that Temporal would give. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from '../../common/paths';
import { startStack, type Stack } from '../support/stack';
import { photo, startApi, type Api } from './support';

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  api = await startApi(stack);
  await stack.worker();
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

function startBatch(...args: string[]): Promise<Result> {
  const env = { ...stack.env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [built('starter/cli/start-batch.js'), ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

const uploads = async () => {
  const { body } = await api.call('GET', '/metrics');
  const [, count = '0'] = /_count\{method="PUT",route="\/v1\/uploads\/:name",status="201"\} (\d+)/.exec(body) ?? [];
  return Number(count);
};

test('a folder is uploaded and processed without Temporal at hand; what the service refuses is told', async () => {
  for (const name of ['one photo', 'två %d', '写真'.repeat(30)]) await photo(stack, name);
  const folder = path.join(stack.home, 'in');
  await writeFile(path.join(folder, 'empty.jpg'), '');
  const args = ['--input', folder, '--api', api.url, '--json'];
  const summaryOf = ({ stdout, stderr }: Result) => {
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  };

  const first = await startBatch(...args);
  expect(summaryOf(first)).toMatchObject({ submitted: 3, completed: 3, failed: 1, skipped: 0 });
  expect(summaryOf(first)['failures']).toEqual([expect.objectContaining({ message: 'The upload is empty.' })]);
  expect([first.code, await uploads()]).toEqual([1, 3]);

  // The same again: only what is new travels, and only that is done.
  await photo(stack, 'one more');
  expect(summaryOf(await startBatch(...args))).toMatchObject({ submitted: 1, completed: 1, failed: 1, skipped: 3 });
  expect(await uploads()).toBe(4);
});

test('no service there: one sentence', async () => {
  const { code, stderr } = await startBatch('--input', stack.home, '--api', 'http://127.0.0.1:1');
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:1 cannot be reached: /);
});
