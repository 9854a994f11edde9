/** Maintenance of what the Temporal server keeps, on a real server: as if days had passed. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { cleanDatabase } from '../../activities/maintenance/database';
import { Findings, type StepContext } from '../../activities/maintenance/step';
import type { ActivityDeps } from '../../activities/deps';
import { maintenanceId, WORKFLOW_TYPES, type StepTally } from '../../common/maintenance';
import { ensureMaintenanceSchedule } from '../../starter/core/maintenance';
import { watchBatch } from '../../temporal/items/watch';
import * as workflows from '../../workflows';
import { startTestServer, type TestServer } from '../starter/server';
import { until } from '../support/stack';

let server: TestServer;
beforeAll(async () => {
  // A closed run goes once the queue that closed it has saved its place, by default every 30 s.
  server = await startTestServer(false, undefined, ['history.transferProcessorUpdateAckInterval="100ms"']);
});
afterAll(() => server.close());

/** Runs the step as if it were so many days later. */
async function run(days: number, cleanup: boolean, config = server.config): Promise<StepTally> {
  const { client } = server;
  const findings = new Findings(cleanup, undefined, () => undefined);
  const pulse = { throwIfOver: () => undefined, signal: new AbortController().signal };
  const deps = { config } as ActivityDeps;
  await cleanDatabase({ deps, findings, cleanup, client, pulse, now: Date.now() + days * 86_400_000 } as StepContext);
  return findings.tally;
}

/** What that found. */
const later = async (days: number, cleanup = true): Promise<string[]> => (await run(days, cleanup)).examples;

test('the table names every workflow of the bundle', () => {
  expect([...WORKFLOW_TYPES].sort()).toEqual(Object.keys(workflows).sort());
});

test('closed runs go a day after their retention; open ones, and those of others, stay', async () => {
  const { workflow } = server.client;
  const start = async (type: string, workflowId: string, taskQueue: string) =>
    workflow.start(type, { workflowId, taskQueue, args: [{}] });
  const old = await start('processImage', 'b/closed', 'darkroom-workflows');
  const others = [
    await start('processImage', 'b/open', 'darkroom-workflows'),
    await start('processImage', 'b/other-queue', 'elsewhere-workflows'),
    await start('other', 'b/other-type', 'darkroom-workflows'),
  ];
  for (const handle of [old, others[1]!, others[2]!]) await handle.terminate();
  await until(async () => (await workflow.count('CloseTime IS NOT NULL')).count === 3, 100);
  const name = `run b/closed ${old.firstExecutionRunId}`;
  expect(await later(1)).toEqual([]);
  expect(await later(40, false)).toEqual([name]);
  expect(await later(40)).toEqual([name]);
  await until(async () => (await workflow.count('WorkflowId = "b/closed"')).count === 0, 100);
  for (const handle of others) expect((await handle.describe()).workflowId).toBe(handle.workflowId);
});

test('a workflow that waits for a batch of which no run is known ends after a week', async () => {
  const { client } = server;
  const watch = { batchId: 'nobodys', runs: 1, url: 'https://example.com' };
  await watchBatch({ client, queuePrefix: 'darkroom' }, watch);
  const isOpen = async () =>
    (await client.workflow.count('WorkflowType = "notifyBatch" AND CloseTime IS NULL')).count === 1;
  await until(isOpen, 100);
  expect(await later(6)).toEqual([]);
  expect(await later(8, false)).toHaveLength(1);
  expect(await isOpen()).toBe(true);
  expect(await later(8)).toEqual([expect.stringMatching(/^workflow .*nobodys/)]);
  await until(async () => !(await isOpen()), 100);
});

test('a Schedule whose run waits for a week on a queue that no worker asks goes, with the run; our own stays', async () => {
  const { client } = server;
  for (const queuePrefix of ['darkroom', 'left']) {
    await ensureMaintenanceSchedule(client, { queuePrefix, maintenanceCron: '17 3 * * *' });
    // As the clock does; what a person triggers is no running action of the Schedule.
    await client.schedule.getHandle(maintenanceId(queuePrefix)).trigger(ScheduleOverlapPolicy.SKIP);
  }
  const open = 'WorkflowType = "scheduledMaintenance" AND CloseTime IS NULL';
  await until(async () => (await client.workflow.count(open)).count === 2, 100);
  const name = `schedule ${maintenanceId('left')}`;
  const found = async (days: number, cleanup?: boolean) =>
    (await later(days, cleanup)).filter((example) => example.startsWith('schedule'));
  expect(await found(6)).toEqual([]);
  await until(async () => (await found(8, false)).includes(name), 200);
  expect(await found(8)).toEqual([name]);
  await until(async () => (await client.workflow.count(open)).count === 1, 100);
  await expect(client.schedule.getHandle(maintenanceId('left')).describe()).rejects.toThrow(/not found/i);
  expect((await client.schedule.getHandle(maintenanceId('darkroom')).describe()).info.numActionsTaken).toBe(1);
});

test('the size of the database of the embedded server is said, and of no other server', async () => {
  const { folder } = server;
  const header = Buffer.alloc(100);
  header.write('SQLite format 3\0');
  header.writeUInt16BE(4096, 16);
  header.writeUInt32BE(51_200, 28);
  header.writeUInt32BE(25_600, 36);
  await writeFile(path.join(folder, 'temporal.db'), header);
  const note = async (config = server.config) => (await run(0, false, config)).note;
  expect(await note()).toBe(
    'The database of the embedded server takes 200 MiB, 100 MiB of which are free. ' +
      'The server gives that back to the disk when it starts again (npm run stop).',
  );
  expect(await note({ ...server.config, home: path.join(folder, 'other') })).toBeUndefined();
  header.writeUInt32BE(256, 36);
  await writeFile(path.join(folder, 'temporal.db'), header);
  expect(await note()).toBe('The database of the embedded server takes 200 MiB, 1 MiB of which are free.');
});
