import { createStorage } from '../../storage';
import { startTestServer, type TestServer } from '../../test/starter/server';
import { countBatch } from '../../temporal/batches/count';
import { submitDirectly, takeAll, type Entry } from './intake';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer('temporal.db');
}, 120_000);
afterAll(() => server.close());

test('a server that is killed and comes back in mid-submission loses no item and doubles none', async () => {
  const storage = createStorage(server.config);
  const image = { animation: 'first' as const, colour: 'srgb' as const, renditions: [] };
  const context = {
    client: server.client,
    storage,
    queuePrefix: 'test',
    presets: async () => ({ name: 'tiny', image }),
  };
  const count = 200;
  let restarted: Promise<void> | undefined;
  function* jobs(): Generator<Entry> {
    for (let i = 0; i < count; i++) {
      if (i === 80) restarted = server.restart();
      yield { name: `${i}`, job: { source: `s3://bucket/${i}.jpg`, kind: 'image' } };
    }
  }
  const defaults = { batchId: 'restart', output: 's3://bucket/out', preset: 'tiny' };
  const tally = await takeAll(jobs(), { submit: submitDirectly(context, defaults) }, { concurrency: 8 });
  await restarted;
  expect(tally).toMatchObject({ skipped: 0, rejected: 0 });
  expect(tally.started + tally.joined).toBe(count);
  let open = 0;
  for (let i = 0; i < 100 && open < count; i++) {
    open = (await countBatch(server.client, 'restart')).open;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(open).toBe(count);
  storage.close();
}, 60_000);
