/** Turns of tenants and batches whose items wait in one queue. */
import type { WorkItem } from '../../common/contracts';
import { until } from '../support/stack';
import { describeOnServers, done } from './servers';

describeOnServers('fairness', (control) => {
  const began: string[] = [];
  /** Ends the item `hold`, which keeps the only slot busy until then. */
  let release: (() => void) | undefined;
  const makeImage = async ({ itemKey }: WorkItem): Promise<object> => {
    began.push(itemKey);
    if (itemKey === 'hold') await new Promise<void>((resolve) => (release = resolve));
    return done;
  };

  const handle = (id: string) => control().server.client.workflow.getHandle(id);
  const submitAll = async (batch: string, count: number, over: Partial<WorkItem> = {}): Promise<string[]> => {
    const ids: string[] = [];
    for (let index = 0; index < count; index++) ids.push(await control().submit(batch, `${batch}-${index}`, over));
    const isQueued = async (id: string) => (await handle(id).describe()).raw.pendingActivities?.length === 1;
    await until(async () => (await Promise.all(ids.map(isQueued))).every(Boolean));
    return ids;
  };
  /** Places, from 1, at which work on the items of a batch began. */
  const placesOf = (batch: string): number[] =>
    began.flatMap((key, index) => (key.startsWith(`${batch}-`) ? [index + 1] : []));

  test('the four items of a small tenant behind forty of a big one are among the first twelve', async () => {
    await control().work('workflows');
    const ids = [
      ...(await submitAll('big', 40, { tenant: 'big' })),
      ...(await submitAll('small', 4, { tenant: 'small' })),
    ];
    await control().work('image', { makeImage });
    await Promise.all(ids.map((id) => handle(id).result()));
    expect(began).toHaveLength(44);
    expect(Math.max(...placesOf('small'))).toBeLessThanOrEqual(12);
  });

  test('without tenants batches take turns, and a weight of four takes more of them', async () => {
    const busy = await control().submit('busy', 'hold');
    await until(() => release !== undefined);
    const first = began.length;
    const ids = [
      busy,
      ...(await submitAll('album', 12)),
      ...(await submitAll('trip', 3)),
      ...(await submitAll('heavy', 12, { tenant: 'heavy', weight: 4 })),
    ];
    release?.();
    await Promise.all(ids.map((id) => handle(id).result()));
    const places = (batch: string): number[] => placesOf(batch).map((place) => place - first);
    expect(Math.max(...places('trip'))).toBeLessThan(Math.max(...places('album')));
    const early = (batch: string): number => places(batch).filter((place) => place <= 12).length;
    expect(early('heavy')).toBeGreaterThan(early('album'));
  });
});
