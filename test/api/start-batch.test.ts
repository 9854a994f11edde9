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

test('a folder is uploaded and processed without Temporal at hand; what the service refuses is told', async () => {
  for (const name of ['one photo', 'två %d', 'three']) await photo(stack, name);
  const folder = path.join(stack.home, 'in');
  await writeFile(path.join(folder, 'empty.jpg'), '');
  const args = ['--input', folder, '--api', api.url, '--json'];

  const first = await startBatch(...args);
  if (first.stdout === '') throw new Error(first.stderr);
  const summary = JSON.parse(first.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(summary).toMatchObject({ submitted: 3, completed: 3, failed: 1, skipped: 0 });
  expect(summary['failures']).toEqual([expect.objectContaining({ message: 'The upload is empty.' })]);
  expect(first.code).toBe(1);
});

test('no service there: one sentence', async () => {
  const { code, stderr } = await startBatch('--input', stack.home, '--api', 'http://127.0.0.1:1');
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:1 cannot be reached: /);
});
