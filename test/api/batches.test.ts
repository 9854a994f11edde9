/** Batches on a real Temporal with a real worker: their happy way and their errors. */
import { runCommand } from '../support/cli';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { startStack, until, type Stack } from '../support/stack';
import { broken, patterned, photo, problem, readEvents, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  [api] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

/** Answers of an NDJSON batch by their line. */
function answersOf(body: string): Record<number, unknown> {
  const lines = body
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as { line?: number });
  return Object.fromEntries(lines.flatMap((each) => (each.line === undefined ? [] : [[each.line, each]])));
}

describe('a batch', () => {
  test('as JSON: the good ones go on, the bad ones come back by their place; counts, items, events, retry', async () => {
    const jobs = [
      { source: await photo(stack, 'b0'), id: 'b0' },
      { source: 'ftp://x' },
      { source: await broken(stack, 'b2'), id: 'b2' },
      { source: await photo(stack, 'b3'), id: 'b3', priority: 9 },
    ];
    const submitted = await api.call('POST', '/v1/batches', { id: 'trip', preset: 'thumbnails', jobs });
    expect(submitted).toMatchObject({ status: 202, body: { id: 'trip', started: 2, rejected: 2 } });
    expect(submitted.body.jobs).toEqual([
      { index: 0, id: 'trip~b0', status: 'started' },
      { index: 2, id: 'trip~b2', status: 'started' },
    ]);
    expect(submitted.body.errors.map((each: { index: number }) => each.index)).toEqual([1, 3]);
    const events = await readEvents(`${api.url}/v1/batches/trip/events`, (seen) =>
      seen.some(({ data }) => data.items === 2 && data.open === 0 && data.failed === 1),
    );
    expect(events.map(({ event }) => event)).toContain('batch');
    // A place before all of it brings every item once; what is no place begins now.
    const told = async (place: string) =>
      (
        await readEvents(`${api.url}/v1/batches/trip/events`, (seen) => seen.some(({ event }) => event === 'batch'), {
          'last-event-id': place,
        })
      ).flatMap(({ event, data }) => (event === 'item' ? [data.id] : []));
    expect((await told('1970-01-01T00:00:00.000Z')).sort()).toEqual(['trip~b0', 'trip~b2']);
    expect(await told('nonsense')).toEqual([]);
    const view = await api.call('GET', '/v1/batches/trip');
    expect(view.body).toMatchObject({ items: 2, open: 0, succeeded: 1, failed: 1, latencyMs: { sample: 1 } });

    const failed = await api.call('GET', '/v1/batches/trip/items?state=failed');
    expect(failed.body.items).toMatchObject([{ id: 'trip~b2', state: 'failed', error: { type: 'CorruptMedia' } }]);
    const first = await api.call('GET', '/v1/batches/trip/items?limit=1');
    const second = await api.call('GET', `/v1/batches/trip/items?limit=1&cursor=${first.body.next}`);
    expect([first, second].map(({ body }) => body.items[0].id).sort()).toEqual(['trip~b0', 'trip~b2']);
    expect(await api.call('GET', '/v1/batches/trip/items?cursor=nonsense')).toMatchObject({ status: 400 });
    const good = await api.call('GET', '/v1/batches/trip/items?state=succeeded');
    expect(good.body.items[0]).toMatchObject({ thumbnail: { href: expect.any(String) }, placeholder: {} });
    expect((await fetch(`${api.url}${good.body.items[0].thumbnail.href}`)).status).toBe(200);

    // The file is mended, and the failure is none any more.
    await photo(stack, 'b2');
    expect((await api.call('POST', '/v1/batches/trip/retry')).body).toEqual({ restarted: 1, already: 0 });
    await until(async () => (await api.call('GET', '/v1/batches/trip')).body.succeeded === 2, 300);
    expect((await api.call('GET', '/v1/batches/trip')).body).toMatchObject({ items: 2, failed: 0 });
    expect((await api.call('GET', '/v1/batches/trip/items?state=failed')).body.items).toEqual([]);
    const { batches } = (await api.call('GET', '/v1/batches')).body;
    expect(batches.map(({ id }: { id: string }) => id)).toContain('trip');
  });

  test('as NDJSON: each line is answered by its number', async () => {
    const good = JSON.stringify({ source: await photo(stack, 'n'), id: 'n' });
    const text = `${good}\n\nnonsense\n{"source":"file:///etc/passwd"}\n${good}`;
    const { status, body } = await api.call('POST', '/v1/batches?id=lines', text);
    expect(status).toBe(202);
    const lines = (body as string)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ batch: 'lines' });
    expect(lines.at(-1).summary).toMatchObject({ rejected: 2 });
    const byNumber = Object.fromEntries(lines.filter(({ line }) => line).map((each) => [each.line, each]));
    expect(byNumber).toMatchObject({
      1: { id: 'lines~n' },
      3: { error: { code: 'BadRequest' } },
      4: { error: { code: 'SourceForbidden' } },
      5: { id: 'lines~n' },
    });
  });

  test('compares its jobs: the same one is counted once, an id for two sources is refused with both places', async () => {
    const [a, b] = [await photo(stack, 'same-a'), await photo(stack, 'same-b')];
    const jobs = [
      { source: a, id: 'x' },
      { source: a, id: 'x' },
      { source: b, id: 'x' },
      { source: b, preset: 'web' },
      { source: b },
      { source: b, preset: 'avif' },
    ];
    const json = await api.call('POST', '/v1/batches', { id: 'same-json', jobs });
    expect(json).toMatchObject({ status: 202, body: { started: 2, joined: 0, rejected: 2, duplicates: 2 } });
    expect(json.body.errors).toMatchObject([
      { index: 2, error: { code: 'Conflict', status: 409, detail: expect.stringContaining('jobs[0] and jobs[2]') } },
      { index: 5, error: { code: 'Conflict', detail: expect.stringContaining('jobs[3] and jobs[5]') } },
    ]);
    const lines = await api.call(
      'POST',
      '/v1/batches?id=same-lines',
      jobs.map((job) => JSON.stringify(job)).join('\n'),
    );
    expect(answersOf(lines.body)).toMatchObject({
      1: { status: 'started', run: expect.any(String) },
      2: { id: 'same-lines~x', status: 'duplicate', of: 1 },
      3: { error: { code: 'Conflict', detail: expect.stringContaining('lines 1 and 3') } },
      5: { status: 'duplicate', of: 4 },
      6: { error: { code: 'Conflict' } },
    });
    const messages = jobs.slice(0, 3).map(({ source, id }) => ({ id, payload: source }));
    const produced = await api.call('POST', '/batch-produce', { messages });
    expect(produced.body).toMatchObject({
      accepted: 2,
      results: [{ status: 'started' }, { status: 'duplicate' }, { status: 'rejected', error: { code: 'Conflict' } }],
    });
  });

  test('refuses another source or preset under the id of an open job, as a single job does', async () => {
    const [a, b] = [await photo(stack, 'open-a'), await photo(stack, 'open-b')];
    // Nobody serves this queue, so the job stays open.
    const idle = await startApi(stack, { DARKROOM_QUEUE_PREFIX: 'idle' });
    try {
      const job = { source: a, id: 'taken' };
      expect(await idle.call('POST', '/v1/batches', { id: 'open', jobs: [job] })).toMatchObject({
        body: { started: 1 },
      });
      expect(await idle.call('POST', '/v1/jobs', { ...job, source: b, batch: 'open' })).toMatchObject(
        problem(409, 'Conflict'),
      );
      for (const other of [{ source: b }, { preset: 'avif' }]) {
        const jobs = [{ ...job, ...other }];
        const { body } = await idle.call('POST', '/v1/batches', { id: 'open', jobs });
        expect(body).toMatchObject({ joined: 0, rejected: 1, errors: [{ index: 0, error: { code: 'Conflict' } }] });
        const lines = await idle.call('POST', '/v1/batches?id=open', JSON.stringify(jobs[0]));
        expect(answersOf(lines.body)).toMatchObject({ 1: { error: { code: 'Conflict', status: 409 } } });
      }
      expect(await idle.call('POST', '/v1/batches', { id: 'open', jobs: [job] })).toMatchObject({
        body: { joined: 1 },
      });
    } finally {
      await idle.stop();
    }
  });

  test('as NDJSON that is an array or a table is read; what is no list is said once', async () => {
    const job = { source: await photo(stack, 'shape'), id: 'shape' };
    const array = await api.call('POST', '/v1/batches?id=shape', JSON.stringify([job, { source: 5 }], null, 2));
    expect(answersOf(array.body)).toMatchObject({ 2: { status: 'started' }, 6: { error: { code: 'InvalidJob' } } });
    const rows = `source,id,preset\n${job.source},shape,\n${job.source},shape`;
    const table = await api.call('POST', '/v1/batches?id=shape', rows);
    expect(answersOf(table.body)).toMatchObject({
      2: { id: expect.any(String) },
      3: { error: { code: 'BadRequest' } },
    });
    const other = await api.call('POST', '/v1/batches?id=shape', 'file,preset\na.jpg,web\nb.jpg,web');
    const said = (other.body as string).trim().split('\n').slice(1);
    expect(said.map((line) => JSON.parse(line))).toMatchObject([
      { error: { code: 'BadRequest', detail: expect.stringContaining('looks like a table (CSV)') } },
      { summary: { started: 0, rejected: 0 } },
    ]);
  });

  test('is refused where it makes no sense, and not found where it is not there', async () => {
    expect(await api.call('POST', '/v1/batches', { jobs: [] })).toMatchObject(problem(400, 'BadRequest'));
    const many = { jobs: Array.from({ length: 10_001 }, () => ({})) };
    expect(await api.call('POST', '/v1/batches', many)).toMatchObject(problem(400, 'BadRequest'));
    for (const rest of ['', '/items', '/events']) {
      expect(await api.call('GET', `/v1/batches/none${rest}`)).toMatchObject(problem(404, 'NoSuchBatch'));
    }
    expect(await api.call('GET', '/v1/batches/a"b')).toMatchObject(problem(404, 'NoSuchBatch'));
    expect(await api.call('POST', '/v1/batches/none/cancel')).toMatchObject(problem(404, 'NoSuchBatch'));
  });
});

test('pause, resume, cancel and retry tell what changed', async () => {
  const source = await photo(stack, 'held');
  const busy = await Promise.all(
    [1, 2, 3, 4].map((n) => api.call('POST', '/v1/jobs', { source, id: `c${n}`, batch: 'c' })),
  );
  // 200: a quick worker was done before the answer was written.
  for (const { status } of busy) expect([200, 202]).toContain(status);
  const one = (verb: string) => api.call('POST', `/v1/jobs/c~c4/${verb}`);
  for (const verb of ['pause', 'resume', 'cancel']) {
    const { changed, already } = (await one(verb)).body;
    expect(changed + already).toBe(1);
  }
  await until(async () => (await api.call('GET', '/v1/jobs/c~c4')).body.closedAt !== undefined, 200);
  expect((await one('restart')).body).toEqual({ changed: 0, already: 1, steps: 0 });
  const operations = `/v1/batches/c/operations/darkroom-${'0'.repeat(16)}-nothing`;
  expect(await api.call('GET', operations)).toMatchObject(problem(404, 'NotFound'));
  expect((await one('cancel')).body).toEqual({ changed: 0, already: 1 });
  for (const verb of ['pause', 'resume', 'cancel']) {
    expect((await api.call('POST', `/v1/batches/c/${verb}`)).status).toBe(200);
  }
  const { restarted, already } = (await one('retry')).body;
  expect(restarted + already).toBe(1);
});

describe('images that look alike', () => {
  beforeAll(async () => {
    const jobs = [
      { source: await patterned(stack, 'large', 600, 90), id: 'large' },
      { source: await patterned(stack, 'small', 200, 40), id: 'small' },
      { source: await patterned(stack, 'other', 600, 90, 'other'), id: 'other' },
      { source: await photo(stack, 'plain'), id: 'plain' },
    ];
    await api.call('POST', '/v1/batches', { id: 'alike', preset: 'thumbnails', jobs });
    await until(async () => (await api.call('GET', '/v1/batches/alike')).body.succeeded === jobs.length, 300);
  });

  test('the API answers with groups, and their pictures can be fetched', async () => {
    const { status, body } = await api.call('GET', '/v1/batches/alike/duplicates');
    expect({ status, body }).toMatchObject({ status: 200, body: { total: 1, items: 4, unhashed: 1, complete: true } });
    const [group] = body.groups;
    expect(group).toMatchObject({ size: 2, items: [{ id: 'alike~large', distance: 0 }, { id: 'alike~small' }] });
    for (const { thumbnail } of group.items) expect((await fetch(`${api.url}${thumbnail.href}`)).status).toBe(200);
    expect((await api.call('GET', '/v1/batches/alike/duplicates?distance=17')).status).toBe(400);
    expect(await api.call('GET', '/v1/batches/none/duplicates')).toMatchObject(problem(404, 'NoSuchBatch'));
  });

  test('the command says the same, as text and as JSON', async () => {
    const [json, text, wrong] = await Promise.all([
      runCommand(stack, 'duplicates', ['alike', '--json']),
      runCommand(stack, 'duplicates', ['alike']),
      runCommand(stack, 'duplicates', ['alike', '--distance', '70']),
    ]);
    expect(json).toMatchObject({ code: 0, summary: { batch: 'alike', distance: 8, items: 4, unhashed: 1 } });
    const items = json.summary.groups.map((group: { item: string }[]) => group.map(({ item }) => item));
    expect(items).toEqual([['alike/large', 'alike/small']]);
    expect(text.stdout).toContain('2 of 4 images are in 1 groups that look alike');
    expect(text.stdout).toMatch(/0 {2}alike\/large {2}file:\/\/.*large\.jpg/);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('expected a whole number from 0 to 16')]);
  });
});

describe('deletion', () => {
  test('takes the files and the history of a job, or of a whole batch, and of nothing else', async () => {
    const jobs = await Promise.all(['d0', 'd1', 'd2'].map(async (id) => ({ id, source: await photo(stack, id) })));
    const bad = { id: 'd3', source: await broken(stack, 'd3') };
    await api.call('POST', '/v1/batches', { id: 'gone', preset: 'thumbnails', jobs: [...jobs, bad] });
    await api.call('POST', '/v1/batches', { id: 'kept', preset: 'thumbnails', jobs: jobs.slice(0, 1) });
    await until(async () => {
      const figures = ['gone', 'kept'].map(async (id) => (await api.call('GET', `/v1/batches/${id}`)).body);
      return (await Promise.all(figures)).every(({ items, open }) => items > 0 && open === 0);
    });
    const filesOf = (batch: string) => readdir(path.join(stack.home, 'outputs', batch), { recursive: true });
    expect(await api.call('DELETE', '/v1/jobs/gone~d0')).toMatchObject({
      status: 200,
      body: { state: 'completed', runs: 1, files: expect.any(Number) },
    });
    expect((await filesOf('gone')).filter((name) => name.startsWith('d0/'))).toEqual([]);
    expect(await api.call('GET', '/v1/jobs/gone~d0')).toMatchObject(problem(404, 'NoSuchJob'));
    expect(await api.call('DELETE', '/v1/jobs/gone~d0')).toMatchObject(problem(404, 'NoSuchJob'));
    await until(async () => (await stack.client.workflow.count('MediaBatchId = "gone"')).count === 3, 200);
    const whole = await api.call('DELETE', '/v1/batches/gone');
    expect(whole).toMatchObject({ status: 200, body: { state: 'completed', runs: 3 } });
    await expect(filesOf('gone')).rejects.toThrow('ENOENT');
    expect(await api.call('GET', '/v1/batches/gone')).toMatchObject(problem(404, 'NoSuchBatch'));
    // The other batch has all of its files.
    const { manifest } = (await api.call('GET', '/v1/jobs/kept~d0')).body;
    expect(await filesOf('kept')).toEqual(
      expect.arrayContaining(manifest.renditions.map((each: { path: string }) => `d0/${each.path}`)),
    );
  });

  test('a job that ended this very moment is gone when the answer says so', async () => {
    const source = await photo(stack, 'brief');
    const job = { source, batch: 'brief', preset: 'thumbnails' };
    for (const id of ['b0', 'b1', 'b2', 'b3', 'b4']) {
      expect(await api.call('POST', '/v1/jobs?wait=30s', { ...job, id })).toMatchObject({
        body: { state: 'succeeded' },
      });
      expect(await api.call('DELETE', `/v1/jobs/brief~${id}`)).toMatchObject({ status: 200, body: { runs: 1 } });
      expect(await api.call('GET', `/v1/jobs/brief~${id}`)).toMatchObject(problem(404, 'NoSuchJob'));
    }
  });

  test('an open job has to be cancelled first; one that Temporal has forgotten is deleted by its manifest', async () => {
    const queue = { DARKROOM_QUEUE_PREFIX: 'unserved' };
    const idle = await startApi(stack, queue);
    try {
      await idle.call('POST', '/v1/jobs', { source: await photo(stack, 'waits'), id: 'waits', batch: 'waiting' });
      expect(await api.call('DELETE', '/v1/jobs/waiting~waits')).toMatchObject(problem(409, 'JobOpen'));
      await until(async () => (await api.call('GET', '/v1/batches/waiting')).status === 200);
      expect(await api.call('DELETE', '/v1/batches/waiting')).toMatchObject(problem(409, 'JobOpen'));
    } finally {
      await idle.stop();
    }
    const source = await photo(stack, 'forgotten');
    await api.call('POST', '/v1/jobs?wait=30s', { source, id: 'forgotten', batch: 'past' });
    const { workflowService, options } = stack.client;
    await workflowService.deleteWorkflowExecution({
      namespace: options.namespace,
      workflowExecution: { workflowId: 'past/forgotten' },
    });
    await until(() =>
      stack.client.workflow
        .getHandle('past/forgotten')
        .describe()
        .then(
          () => false,
          () => true,
        ),
    );
    expect((await api.call('DELETE', '/v1/jobs/past~forgotten')).body).toMatchObject({ state: 'completed', runs: 0 });
    expect(await api.call('GET', '/v1/jobs/past~forgotten')).toMatchObject(problem(404, 'NoSuchJob'));
  });
});
