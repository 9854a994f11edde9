/** `start-batch --api`: local files go through the service, and the summary is the one that Temporal would give. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { built } from '../../common/paths';
import { fileUri } from '../../storage';
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
  const env = { ...stack.env, TEMPORAL_ADDRESS: '127.0.0.1:1', DARKROOM_CONNECT_WAIT: '1s' };
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
  expect(summaryOf(first)).toMatchObject({ submitted: 4, completed: 3, failed: 0, rejected: 1, skipped: 0 });
  const empty = { source: fileUri(path.join(folder, 'empty.jpg')), message: 'The upload is empty.' };
  expect(summaryOf(first)['failures']).toEqual([expect.objectContaining(empty)]);
  expect([first.code, await uploads()]).toEqual([1, 3]);

  // The same again: only what is new travels, and only that is done.
  await photo(stack, 'one more');
  expect(summaryOf(await startBatch(...args))).toMatchObject({ submitted: 5, completed: 1, rejected: 1, skipped: 3 });
  expect(await uploads()).toBe(4);
});

test('a batch that the service does not know yet is waited for', async () => {
  await photo(stack, 'early');
  const front = await forgetfulFront();
  const { code, stdout, stderr } = await startBatch(
    '--input',
    path.join(stack.home, 'in/early.jpg'),
    '--api',
    front.url,
    '--json',
  );
  front.server.close();
  if (code !== 0) throw new Error(stderr);
  expect(front.forgotten()).toBe(1);
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ completed: 1, failed: 0 });
});

/** The real service behind a front that once denies a batch, as a visibility store does that lags behind. */
async function forgetfulFront(): Promise<{ url: string; server: http.Server; forgotten: () => number }> {
  let forgotten = 0;
  const server = http.createServer((request, response) => {
    if (request.method === 'GET' && /^\/v1\/batches\/[^/?]+$/.test(request.url ?? '') && forgotten === 0) {
      forgotten++;
      response.writeHead(404, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ status: 404, code: 'NoSuchBatch', detail: 'There is no batch.' }));
      return;
    }
    const { method, headers } = request;
    const onward = http.request(new URL(request.url ?? '/', api.url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, forgotten: () => forgotten };
}

test('no service there: one sentence', async () => {
  const { code, stderr } = await startBatch('--input', stack.home, '--api', 'http://127.0.0.1:1');
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:1 cannot be reached: /);
});
