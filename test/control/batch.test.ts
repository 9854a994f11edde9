/** One batch through all of it: paused half way, put behind another, resumed, a step begun again; nothing is lost, nothing done twice. */
import { changeItems } from '../../activities/change-items';
import type { ChangeInput } from '../../common/batch-change';
import { controlBatch, controlItem } from '../../starter/core/control';
import { viewBatch } from '../../starter/core/view/batch';
import { until } from '../support/stack';
import { describeOnServers, standIn } from './servers';

/** More, by hand: `DARKROOM_TEST_ITEMS=500`, which also prints what was counted and how long it took. */
const ITEMS = Number(process.env['DARKROOM_TEST_ITEMS'] ?? 24);
const FIGURES = process.env['DARKROOM_TEST_ITEMS'] !== undefined;

describeOnServers('a batch in mid-flight', (control) => {
  const { began, release, makeImage } = standIn();

  const client = () => control().server.client;
  const view = (batch: string) => viewBatch(client(), control().prefix, batch);
  const finished = (ids: string[]) => Promise.all(ids.map((id) => client().workflow.getHandle(id).result()));
  const submit = (batch: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => control().submit(batch, `${batch}-${index}`)));
  const placesOf = (batch: string) => began.flatMap((key, place) => (key.startsWith(`${batch}-`) ? [place] : []));

  const started = Date.now();
  const say = (what: string): void => {
    if (FIGURES) process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s: ${what}\n`);
  };

  const timed = <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const asked = Date.now();
    return work().finally(() => say(`${what} took ${Date.now() - asked} ms`));
  };

  test('ends with every item done, each once', async () => {
    // As the API and the commands ask: where there are many, the server or a worker makes the change.
    const byWorker = { queuePrefix: control().prefix };
    await control().work('workflows', { changeItems: (input: ChangeInput) => changeItems({} as never, input) });
    const ids = await submit('long', ITEMS);
    await until(async () => (await view('long')).items === ITEMS);
    await control().work('image', { makeImage }, 2);
    say(`${ITEMS} items submitted`);
    await until(() => began.length >= ITEMS * 0.4);
    const paused = await timed('pause', () => controlBatch(client(), 'pause', 'long', byWorker));
    say(JSON.stringify(paused));
    const atPause = placesOf('long').length;
    expect(atPause).toBeLessThan(ITEMS);
    await finished(await submit('between', 6));
    expect(placesOf('long')).toHaveLength(atPause);
    await until(async () => (await view('long')).succeeded === atPause);
    expect(await view('long')).toMatchObject({ open: ITEMS - atPause, paused: ITEMS - atPause, running: 0 });

    // With both slots taken, what is let go and what comes later wait side by side.
    say(`${placesOf('long').length - atPause} began while paused; ${ITEMS - atPause} wait`);
    const held = [await control().submit('busy', 'hold-1'), await control().submit('busy', 'hold-2')];
    await until(() => release.size === 2);
    const change = timed('priority', () => controlBatch(client(), { priority: 5 }, 'long', byWorker));
    const canMove = await change.then(
      () => true,
      (error: unknown) => (error as { type?: string }).type !== 'ServerTooOld' && Promise.reject(error as Error),
    );
    const resumed = await timed('resume', () => controlBatch(client(), 'resume', 'long', byWorker));
    expect(resumed).toEqual({ changed: ITEMS - atPause, already: 0 });
    const others = await submit('other', 6);
    const pendingOf = async (id: string) => (await client().workflow.getHandle(id).describe()).raw.pendingActivities;
    await until(async () => (await Promise.all(others.map(pendingOf))).every((pending) => pending?.length === 1));
    expect(await controlItem(client(), 'restart', held[0]!)).toEqual({ changed: 1, already: 0, steps: 1 });
    release.get('hold-2')?.();

    await finished([...ids, ...held, ...others]);
    say(`all done: ${began.length} began`);
    const rest = placesOf('long').slice(atPause);
    // One of them may stand in the worker's hands already when the others come.
    if (canMove) expect(placesOf('other').filter((place) => place > rest[4]!)).toEqual([]);
    const times = (key: string) => began.filter((each) => each === key).length;
    expect([...new Set(began)].filter((key) => times(key) > 1)).toEqual(['hold-1']);
    expect(times('hold-1')).toBe(2);
    await until(async () => (await view('long')).succeeded === ITEMS);
    expect(await view('long')).toMatchObject({ items: ITEMS, open: 0, paused: 0, failed: 0, cancelled: 0 });
  });
});
