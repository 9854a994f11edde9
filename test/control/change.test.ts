/** Priority, restart and cancellation of what is queued, what runs, and what waits for its next attempt. */
import { controlBatch, controlItem } from '../../starter/core/control';
import { viewBatch } from '../../starter/core/view/batch';
import { until } from '../support/stack';
import { describeOnServers, standIn } from './servers';

describeOnServers('a change in mid-flight', (control) => {
  const { began, release, makeImage } = standIn();

  const client = () => control().server.client;
  const handle = (id: string) => client().workflow.getHandle(id);
  const pendingOf = async (id: string) => (await handle(id).describe()).raw.pendingActivities ?? [];
  const queue = async (batch: string, count: number): Promise<string[]> => {
    const keys = Array.from({ length: count }, (_, index) => `${batch}-${index}`);
    const ids = await Promise.all(keys.map((key) => control().submit(batch, key)));
    await until(async () => (await Promise.all(ids.map(pendingOf))).every(({ length }) => length === 1));
    await until(async () => (await viewBatch(client(), control().prefix, batch)).items === count);
    return ids;
  };
  /** A server that cannot change a priority. */
  const isOld = async () => /^1\.2\d\./.test((await client().workflowService.getClusterInfo({})).serverVersion);
  const finished = (ids: string[]) => Promise.all(ids.map((id) => handle(id).result()));

  beforeAll(() => control().work('workflows'));

  test('of priority moves what is queued, or is refused by the version that can', async () => {
    const [first, second] = [await queue('first', 6), await queue('second', 6)];
    const results = [
      await controlBatch(client(), { priority: 1 }, 'second').catch((error: unknown) => error),
      // The same by an operation of the server.
      await controlBatch(client(), { priority: 5 }, 'first', { mostOneByOne: 0 }).catch((error: unknown) => error),
      await controlItem(client(), { priority: 1 }, first[5]!).catch((error: unknown) => error),
    ];
    await control().work('image', { makeImage }, 2);
    await finished([...first, ...second]);
    if (await isOld()) {
      const message = 'This Temporal server cannot change a priority in mid-flight: that needs version 1.30 or newer.';
      for (const each of results) expect(each).toMatchObject({ type: 'ServerTooOld', message });
    } else {
      expect(results[0]).toEqual({ changed: 6, already: 0 });
      expect(results[1]).toEqual({ changed: 6, already: 0 });
      expect(began.slice(0, 7).sort()).toEqual(['first-5', ...second.map((id) => id.replace('second/', ''))].sort());
    }
    expect([...began].sort()).toEqual([...first, ...second].map((id) => id.replace(/^.*\//, '')).sort());
  });

  test('of priority lets a step run on, and has one that waits for its next attempt begin it', async () => {
    const [runs, retries] = [
      await control().submit('moved', 'hold-moved'),
      await control().submit('moved', 'retry-moved'),
    ];
    await until(() => release.has('hold-moved'));
    await until(async () => (await pendingOf(retries))[0]?.attempt === 2);
    for (const id of [runs, retries]) {
      const change = controlItem(client(), { priority: 2 }, id);
      if (await isOld()) await expect(change).rejects.toMatchObject({ type: 'ServerTooOld' });
      else {
        expect(await change).toEqual({ changed: 1, already: 0 });
        expect((await handle(id).describe()).raw.workflowExecutionInfo?.priority?.priorityKey).toBe(2);
      }
    }
    if (await isOld()) await controlItem(client(), 'restart', retries);
    await finished([retries]);
    release.get('hold-moved')?.();
    await finished([runs]);
    expect(began.filter((key) => key.endsWith('-moved')).sort()).toEqual(['hold-moved', 'retry-moved', 'retry-moved']);
  });

  test('has a step that runs begin again, as well as one that waits for its next attempt', async () => {
    const [runs, retries] = [
      await control().submit('again', 'hold-again'),
      await control().submit('again', 'retry-again'),
    ];
    await until(() => release.has('hold-again'));
    await until(async () => (await pendingOf(retries))[0]?.attempt === 2);
    expect(await controlItem(client(), 'restart', runs)).toEqual({ changed: 1, already: 0, steps: 1 });
    expect(await controlItem(client(), 'restart', retries)).toEqual({ changed: 1, already: 0, steps: 1 });
    await finished([runs, retries]);
    for (const key of ['hold-again', 'retry-again']) expect(began.filter((each) => each === key)).toHaveLength(2);
    expect(await controlItem(client(), 'restart', runs)).toEqual({ changed: 0, already: 1, steps: 0 });
  });

  test('cancels many by an operation of the server, which goes on when nobody waits', async () => {
    const running = [await control().submit('many', 'hold-1'), await control().submit('many', 'hold-2')];
    await until(() => release.has('hold-1') && release.has('hold-2'));
    // Both slots are taken, so the third is queued.
    const ids = [...running, await control().submit('many', 'hold-3')];
    await until(async () => (await viewBatch(client(), control().prefix, 'many')).items === 3);
    const asked = await controlBatch(client(), 'cancel', 'many', { mostOneByOne: 0, waitMs: 0 });
    // A quick server is done before anybody looks.
    if (asked.operation === undefined) expect(asked).toEqual({ changed: 3, already: 0 });
    else expect(asked.operation).toMatchObject({ state: 'running' });
    for (const id of ids) await expect(handle(id).result()).rejects.toThrow();
    await until(async () => (await viewBatch(client(), control().prefix, 'many')).cancelled === 3);
    // A second one has its turn when the first one is over.
    const looks: [number, number][] = [];
    const more = await control().submit('more', 'hold-4');
    await until(async () => (await viewBatch(client(), control().prefix, 'more')).items === 1);
    const onProgress = (asked: number, of: number): void => void looks.push([asked, of]);
    const after = await controlBatch(client(), 'cancel', 'more', { mostOneByOne: 0, onProgress });
    expect(after).toEqual({ changed: 1, already: 0 });
    expect(looks.at(-1)).toEqual([1, 1]);
    await expect(handle(more).result()).rejects.toThrow();
  });
});
