/** What is neither jobs nor batches nor uploads: aliases, health, and who is let in without keys. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startStack, type Stack } from '../support/stack';
import { photo, problem, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  api = await startApi(stack);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

test('aliases take messages whose payload is the source', async () => {
  const payload = await photo(stack, 'message');
  expect(await api.call('POST', '/produce', { id: 'm1', payload })).toMatchObject({
    status: 202,
    body: { id: 'produce~m1' },
  });
  const messages = [
    { id: 'm2', payload: { source: payload } },
    { id: 'm3', payload: 'nonsense' },
  ];
  const many = await api.call('POST', '/batch-produce', { messages });
  expect(many).toMatchObject({
    status: 202,
    body: { accepted: 1, results: [{ id: 'produce~m2' }, { id: 'm3', status: 'rejected' }] },
  });
  expect(await api.call('POST', '/produce', {})).toMatchObject(problem(400, 'BadRequest'));
});

test('health, metrics, presets and the unknown', async () => {
  expect(await api.call('GET', '/live')).toMatchObject({ status: 200, body: { status: 'live' } });
  for (const path of ['/ready', '/health']) {
    expect(await api.call('GET', path)).toMatchObject({
      status: 200,
      body: { status: 'ready', dependencies: { temporal: { ok: true } } },
    });
  }
  const { presets } = (await api.call('GET', '/v1/presets')).body;
  expect(presets.map(({ name }: { name: string }) => name)).toContain('web');
  expect(await api.call('GET', '/nowhere')).toMatchObject(problem(404, 'NotFound'));
  const { body } = await api.call('GET', '/metrics');
  expect(body).toMatch(/darkroom_jobs_submitted_total\{kind="image",preset="web",source="produce"\} \d+/);
  expect(body).toMatch(/http_request_duration_seconds_count\{method="GET",route="\/v1\/presets",status="200"\} 1/);
  expect(body).not.toMatch(/produce~/);
});

test('a preset with a mistake in its file is named, and takes no other along', async () => {
  const folder = path.join(stack.home, 'presets');
  await mkdir(folder);
  await writeFile(path.join(folder, 'good.yaml'), 'image: { renditions: [{ name: a, format: webp, width: 64 }] }');
  await writeFile(path.join(folder, 'bad.yaml'), 'image: { renditions: [{ name: a, format: tiff, width: 64 }] }');
  const other = await startApi(stack, { DARKROOM_PRESETS_DIR: folder });
  const { status, body } = await other.call('GET', '/v1/presets').finally(() => other.stop());
  expect(status).toBe(200);
  expect(body.presets).toMatchObject([{ name: 'good' }]);
  const detail = expect.stringContaining('presets/bad.yaml: image.renditions[0].format') as string;
  expect(body.broken).toEqual([{ name: 'bad', detail }]);
});

test('what is held for its caller has routes of its own, which the objective for submits does not count', async () => {
  const source = await photo(stack, 'held');
  const counts = async (): Promise<number[]> => {
    const { body } = await api.call('GET', '/metrics');
    return ['/v1/jobs', '/v1/jobs?wait'].map((route) =>
      [...String(body).matchAll(/^http_request_duration_seconds_count\{(.+)\} (\d+)$/gm)]
        .filter(([, labels]) => labels?.includes('method="POST"') && labels.includes(`route="${route}"`))
        .reduce((sum, [, , count]) => sum + Number(count), 0),
    );
  };
  const [direct = 0, held = 0] = await counts();
  await api.call('POST', '/v1/jobs?wait=1s', { source, id: 'held' });
  await api.call('POST', '/v1/jobs', { source, id: 'not-held' });
  expect(await counts()).toEqual([direct + 1, held + 1]);
});

test('without keys, pages of other sites and other names of this machine are turned away', async () => {
  const post = (headers: Record<string, string>) => api.call('POST', '/v1/jobs/produce~m1/cancel', undefined, headers);
  expect(await post({ origin: 'https://evil.example' })).toMatchObject(problem(403, 'NotAllowed'));
  expect((await post({ origin: api.url })).status).toBe(200);
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request(`${api.url}/v1/batches`, { headers: { host: 'rebound.example' } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).end();
  });
  expect(status).toBe(403);
});

test('a port that is taken is named, with the variable that changes it', async () => {
  const taken = { DARKROOM_HTTP_PORT: String(api.httpPort) };
  await expect(startApi(stack, taken)).rejects.toThrow(
    `Port ${api.httpPort} of 127.0.0.1 is taken: free it, or set DARKROOM_HTTP_PORT.`,
  );
  const worker = stack.worker({ DARKROOM_WORKER_PORT: String(api.httpPort) });
  await expect(worker).rejects.toThrow(
    `Port ${api.httpPort} of 127.0.0.1 is taken: free it, or set DARKROOM_WORKER_PORT.`,
  );
});
