/** Pause and resume of what is queued, what runs, and what waits for its next attempt. */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { WorkItem } from '../../common/contracts';
import { throwIfPaused } from '../../activities/held';
import { controlBatch, controlItem, type Control as Verb } from '../../starter/core/control';
import { viewBatch } from '../../starter/core/view/batch';
import { viewOf } from '../../starter/core/view/item';
import { until } from '../support/stack';
import { describeOnServers, done } from './servers';

describeOnServers('pause', (control) => {
  /** Item keys in the order in which work on them began. */
  const began: string[] = [];
  /** Lets what runs end, by item key: well, or with an error. */
  const running = new Map<string, (error?: Error) => void>();
  const away = (nextRetryDelay: `${number}ms`): ApplicationFailure =>
    ApplicationFailure.create({ message: 'away', type: 'StorageUnavailable', nextRetryDelay });

  /** Items named `run…` run until the test ends them, `retry…` fail at first, others end at once. */
  async function makeImage({ itemKey }: WorkItem): Promise<object> {
    const context = Context.current();
    await throwIfPaused(context);
    const isFirst = !began.includes(itemKey);
    began.push(itemKey);
    if (itemKey.startsWith('retry') && isFirst) throw away('1500ms');
    if (!itemKey.startsWith('run') || !isFirst) return done;
    const beat = setInterval(() => context.heartbeat(), 500);
    await new Promise<void>((resolve, reject) =>
      running.set(itemKey, (error) => (error === undefined ? resolve() : reject(error))),
    ).finally(() => clearInterval(beat));
    return done;
  }

  const ask = (verb: Verb, batch: string) => controlBatch(control().server.client, verb, batch);
  const view = (batch: string) => viewBatch(control().server.client, control().prefix, batch);
  const handle = (id: string) => control().server.client.workflow.getHandle(id);
  const stateOf = async (id: string) => (await viewOf(control().server.client, await handle(id).describe())).state;
  const pendingOf = async (id: string) => (await handle(id).describe()).raw.pendingActivities ?? [];

  test('of queued items starts none of them, though workers are free, until they are resumed', async () => {
    const { submit, work } = control();
    await work('workflows');
    const keys = Array.from({ length: 10 }, (_, index) => `queued-${index}`);
    const ids = await Promise.all(keys.map((key) => submit('queued', key)));
    await until(async () => (await Promise.all(ids.map(pendingOf))).every(({ length }) => length === 1));
    await until(async () => (await view('queued')).items === 10);
    expect(await ask('pause', 'queued')).toEqual({ changed: 10, already: 0, running: 0 });
    await until(async () => (await view('queued')).paused === 10);
    expect(await view('queued')).toMatchObject({ open: 10, paused: 10, waiting: 0, running: 0, etaSeconds: undefined });

    await work('image', { makeImage }, 4);
    // Whatever was in the queue before these two has been offered to a worker when they are done.
    for (const key of ['after-1', 'after-2']) await handle(await submit('free', key)).result();
    expect(began.filter((key) => key.startsWith('queued'))).toEqual([]);
    expect(await stateOf(ids[0]!)).toBe('paused');

    expect(await ask('resume', 'queued')).toEqual({ changed: 10, already: 0 });
    await Promise.all(ids.map((id) => handle(id).result()));
    expect(began.filter((key) => key.startsWith('queued')).sort()).toEqual(keys);
    await until(async () => (await view('queued')).succeeded === 10);
    expect(await view('queued')).toMatchObject({ open: 0, paused: 0 });
  });

  test('lets what runs finish, and holds what waits for its next attempt', async () => {
    const { submit } = control();
    const [runs, retries] = [await submit('mixed', 'run-mixed'), await submit('mixed', 'retry-mixed')];
    await until(() => running.has('run-mixed'));
    await until(async () => (await pendingOf(retries))[0]?.attempt === 2);
    await until(async () => (await view('mixed')).items === 2);
    expect(await ask('pause', 'mixed')).toEqual({ changed: 2, already: 0, running: 1 });
    expect([await stateOf(runs), await stateOf(retries)]).toEqual(['paused', 'paused']);
    running.get('run-mixed')?.();
    await handle(runs).result();
    // It waits for as long as the paused one had to, and began later.
    await handle(await submit('free', 'retry-free')).result();
    expect(began.filter((key) => key === 'retry-mixed')).toHaveLength(1);
    expect((await pendingOf(retries))[0]).toMatchObject({ attempt: 2, paused: true });
    await ask('resume', 'mixed');
    await handle(retries).result();
    expect(began.filter((key) => key === 'retry-mixed')).toHaveLength(2);
  });

  test('holds the next attempt of a step that fails while its item is paused', async () => {
    const id = await control().submit('fails', 'run-fails');
    await until(() => running.has('run-fails'));
    expect(await controlItem(control().server.client, 'pause', id)).toEqual({ changed: 1, already: 0, running: 1 });
    await until(async () => (await stateOf(id)) === 'paused');
    await until(async () => 'MediaState' in (await handle(id).describe()).searchAttributes);
    running.get('run-fails')?.(away('1ms'));
    await until(async () => (await pendingOf(id))[0]?.lastFailure?.applicationFailureInfo?.type === 'Paused');
    expect(began.filter((key) => key === 'run-fails')).toHaveLength(1);
    await controlItem(control().server.client, 'resume', id);
    expect(await handle(id).result()).toEqual(done);
    expect(began.filter((key) => key === 'run-fails')).toHaveLength(2);
  });

  test('does not keep an item from being cancelled', async () => {
    const id = await control().submit('gone', 'run-gone');
    await until(() => running.has('run-gone'));
    await ask('pause', 'gone');
    const waiting = await control().submit('gone', 'retry-gone');
    await until(async () => (await pendingOf(waiting))[0]?.attempt === 2);
    await controlItem(control().server.client, 'pause', waiting);
    for (const each of [id, waiting]) {
      expect(await controlItem(control().server.client, 'cancel', each)).toEqual({ changed: 1, already: 0 });
    }
    for (const each of [id, waiting]) await expect(handle(each).result()).rejects.toThrow();
    running.get('run-gone')?.();
    expect([await stateOf(id), await stateOf(waiting)]).toEqual(['cancelled', 'cancelled']);
    expect(await controlItem(control().server.client, 'pause', id)).toEqual({ changed: 0, already: 1, running: 0 });
  });
});
