/** What the report reads, from a real server; a run that succeeds is one that the test itself answers as a worker would. */
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { startTestServer, type TestServer } from '../../test/starter/server';
import { until } from '../../test/support/stack';
import { collectReport } from './collect';
import { reportPage } from './page';

const BATCH = defineSearchAttributeKey('MediaBatchId', 'KEYWORD');
const taskQueue = 'report-workflows';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

function start(workflowId: string, type = 'processImage') {
  return server.client.workflow.start(type, {
    ...{ workflowId, taskQueue, args: [], memo: { source: `file:///${workflowId}.jpg`, bytesIn: 100, bytesOut: 40 } },
    typedSearchAttributes: new TypedSearchAttributes([{ key: BATCH, value: 'shots' }]),
  });
}

/** Answers the next task of the queue with the end of its workflow. */
async function completeNext(): Promise<void> {
  const { connection } = server.client;
  await connection.withDeadline(Date.now() + 20_000, async () => {
    const { taskToken } = await connection.workflowService.pollWorkflowTaskQueue({
      ...{ namespace: 'default', taskQueue: { name: taskQueue }, identity: 'test' },
    });
    const commandType = temporal.api.enums.v1.CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION;
    await connection.workflowService.respondWorkflowTaskCompleted({
      ...{ namespace: 'default', taskToken, identity: 'test' },
      commands: [{ commandType, completeWorkflowExecutionCommandAttributes: {} }],
    });
  });
}

test('counts, times, the slowest and the failures of a batch', async () => {
  await start('shots/done');
  await completeNext();
  await start('shots/clip', 'processVideo');
  await completeNext();
  await (await start('shots/mended')).terminate();
  await start('shots/mended');
  await completeNext();
  await (await start('shots/<killed>')).terminate();
  await start('shots/open');
  const read = () => collectReport(server.client, 'shots');
  await until(async () => {
    const report = await read();
    return report?.succeeded === 3 && report.open === 1 && report.failed === 1;
  }, 300);

  const report = (await read())!;
  expect(report).toMatchObject({ cancelled: 0, mended: 1, kinds: { image: 2, video: 1 }, bytesIn: 300, bytesOut: 120 });
  expect(report.latency.count).toBe(3);
  expect(report.slowest.map(({ workflowId }) => workflowId).sort()).toEqual([
    'shots/clip',
    'shots/done',
    'shots/mended',
  ]);
  expect(report.failures).toMatchObject([
    { type: 'Terminated', count: 1, examples: [{ source: 'file:///shots/<killed>.jpg' }] },
  ]);
  expect(report.points.at(-1)?.open).toBe(1);
  const page = reportPage(report, ({ workflowId }) => `http://ui/${encodeURIComponent(workflowId)}`);
  expect(page).toContain('href="http://ui/shots%2F%3Ckilled%3E"');
  expect(page).toContain('file:///shots/&lt;killed&gt;.jpg');
});

test('no such batch', async () => {
  expect(await collectReport(server.client, 'nothing')).toBeUndefined();
});
