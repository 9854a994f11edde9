/** The operations by HTTP and by command, on items that are queued, that run, and that wait for their next attempt. */
import { startApi, type Api } from '../api/support';
import { startCommand } from '../support/cli';
import { until } from '../support/stack';
import { describeOnServers, standIn } from './servers';

const TOO_OLD = 'This Temporal server cannot change a priority in mid-flight: that needs version 1.30 or newer.';

describeOnServers('an operation', (control) => {
  const { began, release, makeImage } = standIn();
  let api: Api;

  const post = (path: string, body?: object) => api.call('POST', `/v1/${path}`, body);
  const view = async (batch: string) => (await api.call('GET', `/v1/batches/${batch}`)).body;
  const states = async (batch: string, query = ''): Promise<Record<string, string>> => {
    const { items } = (await api.call('GET', `/v1/batches/${batch}/items${query}`)).body;
    return Object.fromEntries(items.map(({ id, state }: { id: string; state: string }) => [id, state]));
  };
  const pendingOf = async (id: string) =>
    (await control().server.client.workflow.getHandle(id).describe()).raw.pendingActivities?.[0];

  /** An item that waits for its next attempt, one that runs, and two that are queued behind it. */
  async function mixed(batch: string): Promise<{ retries: string; queued: string[] }> {
    const { submit } = control();
    const retries = await submit(batch, `retry-${batch}`);
    await until(async () => (await pendingOf(retries))?.attempt === 2);
    await submit(batch, `run-${batch}`);
    await until(() => release.has(`run-${batch}`));
    const queued = [await submit(batch, `one-${batch}`), await submit(batch, `two-${batch}`)];
    await until(async () => (await Promise.all(queued.map(pendingOf))).every((pending) => pending !== undefined));
    await until(async () => (await view(batch)).items === 4);
    return { retries, queued };
  }

  beforeAll(async () => {
    await control().work('workflows');
    await control().work('image', { makeImage });
    const { env, server } = control();
    api = await startApi({ home: server.folder, env });
  });
  afterAll(() => api.stop());

  test('pauses all of them, and the queue goes on without them; then moves, restarts and resumes them', async () => {
    const { retries, queued } = await mixed('held');
    expect(await post('batches/held/pause')).toMatchObject({ status: 200, body: { changed: 4, running: 1 } });
    await until(async () => (await view('held')).paused === 4);
    release.get('run-held')?.();
    await until(async () => (await view('held')).succeeded === 1);
    await control().submit('free', 'free');
    await until(async () => (await view('free')).succeeded === 1);
    expect(began.slice(2)).toEqual(['free']);
    const held = ['one', 'retry', 'two'].map((name) => [`held~${name}-held`, 'paused']);
    expect(await states('held')).toEqual(Object.fromEntries([...held, ['held~run-held', 'succeeded']]));
    expect(await states('held', '?state=paused')).toEqual(Object.fromEntries(held));
    const listed = (await api.call('GET', '/v1/batches?state=paused')).body.batches;
    expect(listed).toMatchObject([{ id: 'held', open: 3 }]);

    const { serverVersion } = await control().server.client.workflowService.getClusterInfo({});
    const moved = await post('batches/held/priority', { priority: 1 });
    const command = await startCommand(
      { home: control().server.folder, env: control().env },
      ...(['control', ['priority', 'held', '2', '--json']] as const),
    ).ended;
    if (/^1\.2\d\./.test(serverVersion)) {
      expect(moved).toMatchObject({ status: 501, body: { code: 'ServerTooOld', detail: TOO_OLD } });
      expect(command.code).not.toBe(0);
      expect(command.stderr).toContain(TOO_OLD);
    } else {
      expect(moved).toMatchObject({ status: 200, body: { changed: 3, already: 0 } });
      expect(command).toMatchObject({ code: 0, summary: { id: 'held', changed: 3, already: 0 } });
      const { workflowExecutionInfo } = (await control().server.client.workflow.getHandle(queued[0]!).describe()).raw;
      expect(workflowExecutionInfo?.priority?.priorityKey).toBe(2);
    }
    expect(await post('batches/held/resume')).toMatchObject({ status: 200, body: { changed: 3, already: 0 } });
    await until(async () => (await view('held')).succeeded >= 3);
    expect(await post(`jobs/${retries.replace('/', '~')}/restart`)).toMatchObject({ status: 200 });
    await until(async () => (await view('held')).succeeded === 4);
    expect(began.filter((key) => key.endsWith('-held')).sort()).toEqual(
      ['one-held', 'retry-held', 'retry-held', 'run-held', 'two-held'].sort(),
    );
  });

  test('changes one job, whether it is queued, runs, or waits for its next attempt', async () => {
    const { serverVersion } = await control().server.client.workflowService.getClusterInfo({});
    const { retries, queued } = await mixed('each');
    const ids = [...queued, retries, 'each/run-each'];
    const on = (id: string, verb: string, body?: object) => post(`jobs/${id.replace('/', '~')}/${verb}`, body);
    const changed = { status: 200, body: { changed: 1, already: 0 } };
    for (const id of ids) expect(await on(id, 'pause')).toMatchObject(changed);
    await until(async () => (await view('each')).paused === 4);
    const priorityOf = async (id: string) =>
      (await control().server.client.workflow.getHandle(id).describe()).raw.workflowExecutionInfo?.priority
        ?.priorityKey;
    for (const id of ids) {
      const moved = await on(id, 'priority', { priority: 2 });
      if (/^1\.2\d\./.test(serverVersion)) expect(moved).toMatchObject({ status: 501, body: { code: 'ServerTooOld' } });
      else expect([moved, await priorityOf(id)]).toMatchObject([changed, 2]);
    }
    for (const id of ids) expect(await on(id, 'resume')).toMatchObject(changed);
    await until(async () => (await view('each')).paused === 0);
    expect(await on(queued[0]!, 'cancel')).toMatchObject(changed);
    await until(async () => (await view('each')).cancelled === 1);
    expect(await on(queued[0]!, 'pause')).toMatchObject({ status: 200, body: { changed: 0, already: 1 } });
    expect(await on(queued[0]!, 'retry')).toMatchObject({ status: 200, body: { restarted: 1, already: 0 } });
    expect(await on(queued[1]!, 'retry')).toMatchObject({ status: 200, body: { restarted: 0, already: 1 } });
    expect(await on(retries, 'restart')).toMatchObject({ ...changed, body: { steps: 1 } });
    release.get('run-each')?.();
    await until(async () => (await view('each')).succeeded === 4);
    expect(await on('each/none', 'pause')).toMatchObject({ status: 404, body: { code: 'NoSuchJob' } });
  });

  test('cancels all of them, and runs them again', async () => {
    await mixed('gone');
    expect(await post('batches/gone/cancel')).toMatchObject({ status: 200, body: { changed: 4, already: 0 } });
    await until(async () => (await view('gone')).cancelled === 4);
    expect(began.filter((key) => key.endsWith('-gone'))).toEqual(['retry-gone', 'run-gone']);
    const again = await post('batches/gone/retry?state=cancelled');
    expect(again).toMatchObject({ status: 200, body: { restarted: 4, already: 0 } });
    await until(async () => (await view('gone')).succeeded === 4);
    expect(began.filter((key) => key.endsWith('-gone'))).toHaveLength(6);
  });
});
