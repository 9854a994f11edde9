/** The command that the chart runs after an upgrade: real workers, real samples, no other item; only Kubernetes is a stand-in. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { built } from '../../common/paths';
import { WorkerVersions } from '../../operate/rollout/versions';
import { fileUri } from '../../storage';
import { startStack, type Stack } from '../support/stack';

// Samples are painted and a clip is encoded; a busy machine needs it.
jest.setTimeout(300_000);

let stack: Stack;
let kubernetes: Server;
let api: string;
/** What the stand-in was asked to delete: resource and label selector. */
let deleted: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  await mkdir(path.join(stack.home, 'account'));
  await writeFile(path.join(stack.home, 'account/token'), 'token');
  kubernetes = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    if (request.method === 'DELETE') {
      deleted.push(`${pathname.split('/').at(-1)} ${searchParams.get('labelSelector')}`);
      // As a cluster without KEDA.
      response.writeHead(pathname.includes('keda.sh') ? 404 : 200).end('{}');
      return;
    }
    const items = ['one', 'two'].map((build) => ({ metadata: { labels: { 'darkroom/build': build } } }));
    response.end(JSON.stringify({ items }));
  });
  await new Promise<void>((resolve) => kubernetes.listen(0, '127.0.0.1', resolve));
  api = `http://127.0.0.1:${(kubernetes.address() as AddressInfo).port}`;
});
afterAll(async () => {
  kubernetes.close();
  await stack.stop();
});
beforeEach(() => void (deleted = []));

/** Starts a worker of a build, rolls the build out, and says how the command ended and what it printed. */
async function rollOut(build: string, worker: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; said: string }> {
  const version = { DARKROOM_BUILD_ID: build, DARKROOM_DEPLOYMENT_NAME: 'd' };
  await stack.worker({ ...version, ...worker });
  const staging = fileUri(path.join(stack.home, 'staging'));
  const flags = ['--staging', staging, '--window', '1s', '--drain', '0s', '--ready', '4m'];
  const cluster = ['--kubernetes', api, '--namespace', 'n', '--account', path.join(stack.home, 'account')];
  const child = spawn(process.execPath, [built('operate/rollout/main.js'), ...flags, ...cluster], {
    env: { ...stack.env, ...version },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [said, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, said: `${said}${complaint}` };
}

test('a build that processes its samples becomes current; one that does not is refused, and its workers go', async () => {
  const versions = new WorkerVersions(stack.client, 'd');
  const good = await rollOut('one');
  expect(good).toEqual({ code: 0, said: expect.stringContaining('11 samples were processed by one') });
  expect(await versions.routing()).toEqual({ current: 'one', ramping: undefined });

  deleted = [];
  // A mistake in its configuration that no probe of /ready sees.
  const bad = await rollOut('two', { DARKROOM_ALLOWED_ROOTS: path.join(stack.home, 'elsewhere') });
  expect(bad.said).toMatch(/^two got no item: samples .* SourceForbidden: .* one goes on as before\.$/m);
  expect(bad.code).toBe(1);
  expect(await versions.routing()).toEqual({ current: 'one', ramping: undefined });
  const selector = 'app.kubernetes.io/instance=workers,darkroom/build=two';
  expect(deleted).toEqual(
    ['scaledobjects', 'horizontalpodautoscalers', 'deployments'].map((kind) => `${kind} ${selector}`),
  );
  expect((await stack.client.workflow.count('ExecutionStatus = "Running"')).count).toBe(0);
});
