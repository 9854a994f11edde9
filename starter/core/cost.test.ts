/** Costs on a real Temporal server. Its runs are ended as a worker ends them, without any media. */
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { startTestServer, type TestServer } from '../../test/starter/server';
import { until } from '../../test/support/stack';
import { sumCosts, timeOf } from './cost';

const QUEUE = 'ended-at-once';
const KEYS = (['MediaBatchId', 'MediaKind', 'MediaPreset', 'MediaTenant'] as const).map((name) =>
  defineSearchAttributeKey(name, 'KEYWORD'),
);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

let runs = 0;

/** A run with its search attributes and memo, completed. */
async function complete(attributes: [string, string, string, string], memo?: Record<string, unknown>): Promise<void> {
  const { client } = server;
  const { workflowService, options } = client;
  const { namespace } = options;
  await client.workflow.start('processImage', {
    ...{ workflowId: `${attributes[0]}/item-${++runs}`, taskQueue: QUEUE, memo },
    typedSearchAttributes: new TypedSearchAttributes(KEYS.map((key, at) => ({ key, value: attributes[at]! }))),
  });
  const poll = () => workflowService.pollWorkflowTaskQueue({ namespace, taskQueue: { name: QUEUE } });
  // A long poll has to say how long.
  const { taskToken } = await client.withDeadline(Date.now() + 60_000, poll);
  const { COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION: commandType } = temporal.api.enums.v1.CommandType;
  const commands = [{ commandType, completeWorkflowExecutionCommandAttributes: {} }];
  await workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, commands });
}

const ended = async (count: number): Promise<boolean> =>
  (await server.client.workflow.count('ExecutionStatus = "Completed"')).count >= count;

test('completed runs are summed by what they say of themselves', async () => {
  await complete(['a', 'image', 'web', 'acme'], { bytesIn: 100, bytesOut: 40, cpuSeconds: 0.1 });
  await complete(['a', 'video', 'web', 'acme'], { bytesIn: 900, bytesOut: 300, cpuSeconds: 12.2 });
  await complete(['b', 'image', 'avif', 'globex'], { bytesIn: 50, bytesOut: 10, cpuSeconds: 0.2 });
  await complete(['b', 'image', 'avif', 'globex'], { bytesIn: 50, bytesOut: 10 });
  await server.client.workflow.start('processImage', { workflowId: 'a/open', taskQueue: 'nobody' });
  await until(() => ended(4));

  const { client } = server;
  const acme = { items: 2, bytesIn: 1000, bytesOut: 340, cpuSeconds: 12.3, unknown: 0 };
  const globex = { items: 2, bytesIn: 100, bytesOut: 20, cpuSeconds: 0.2, unknown: 1 };
  expect(await sumCosts(client, { by: ['tenant', 'preset'] })).toEqual({
    groups: [
      { group: { tenant: 'acme', preset: 'web' }, ...acme },
      { group: { tenant: 'globex', preset: 'avif' }, ...globex },
    ],
    total: { items: 4, bytesIn: 1100, bytesOut: 360, cpuSeconds: 12.5, unknown: 1 },
    complete: true,
  });
  const kinds = await sumCosts(client, { by: ['kind'], tenant: 'acme' });
  expect(kinds.groups.map(({ group, cpuSeconds }) => [group.kind, cpuSeconds])).toEqual([
    ['video', 12.2],
    ['image', 0.1],
  ]);
  expect((await sumCosts(client, { by: ['batch'], since: new Date(Date.now() + 60_000) })).total.items).toBe(0);
});

test('more runs than may be looked at are said to be more', async () => {
  await until(() => ended(4));
  const some = await sumCosts(server.client, { by: ['tenant'], most: 3 });
  expect([some.total.items, some.complete]).toEqual([3, false]);
});

test.each([
  ['30d', '2026-01-01T00:00:00.000Z'],
  ['12h', '2026-01-30T12:00:00.000Z'],
  ['2026-01-15', '2026-01-15T00:00:00.000Z'],
  ['soon', undefined],
  ['30', undefined],
  ['2026-99-99', undefined],
])('%s', (text, time) => {
  expect(timeOf(text, Date.parse('2026-01-31T00:00:00Z'))?.toISOString()).toBe(time);
});
