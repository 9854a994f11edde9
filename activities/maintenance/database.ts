import type { Client } from '@temporalio/client';
import {
  databaseFile,
  databaseSize,
  isEmbeddedServer,
  isMostlyFree,
  sizeSentence,
} from '../../common/embedded-database';
import { SCHEDULED_MAINTENANCE, WORKFLOW_TYPES } from '../../common/maintenance';
import { POOL_NAMES, taskQueue } from '../../common/pools';
import { batchQuery, quoted } from '../../temporal/batches/query';
import { pageOfRuns, type Run } from '../../temporal/batches/runs';
import { unlessNotFound } from '../../temporal/grpc';
import type { StepContext } from './step';

const DAY_MS = 86_400_000;
/** The server removes closed runs by itself when their time is over; it may take its time. */
const LATE_MS = DAY_MS;
/** Age of what waits for a worker that does not come: longer than a weekend without workers. */
const LOST_MS = 7 * DAY_MS;
const PAGE = 1000;

/** Removes what the Temporal server keeps and nobody needs. Workflows and schedules of others are not looked at. */
export async function cleanDatabase(step: StepContext): Promise<void> {
  await dropClosed(step);
  await endWatchesOfNothing(step);
  await dropLostSchedules(step);
  await noteSize(step);
}

/** Says how large the database of the embedded server is: the server has the file, so that nobody else can shrink it now. */
async function noteSize({ deps, findings }: StepContext): Promise<void> {
  const { temporalAddress, home } = deps.config;
  const [, port] = /^127\.0\.0\.1:(\d+)$/.exec(temporalAddress ?? '') ?? [];
  if (port === undefined || !(await isEmbeddedServer(home, Number(port)))) return;
  const size = await databaseSize(databaseFile(home));
  if (size === undefined) return;
  const what = isMostlyFree(size) ? ' The server gives that back to the disk when it starts again (npm run stop).' : '';
  findings.note(`${sizeSentence(size)}${what}`);
}

/** Closed runs of these queues that the server still has a day after their retention. */
async function dropClosed(step: StepContext): Promise<void> {
  const { client, deps, now } = step;
  const { namespace } = client.options;
  const { config } = await client.workflowService.describeNamespace({ namespace });
  const retention = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1000;
  if (retention === 0) return;
  const queues = POOL_NAMES.map((pool) => quoted(taskQueue(deps.config.queuePrefix, pool))).join(', ');
  const before = quoted(new Date(now - retention - LATE_MS).toISOString());
  const query = `WorkflowType IN (${WORKFLOW_TYPES.map(quoted).join(', ')}) AND TaskQueue IN (${queues}) AND CloseTime < ${before}`;
  for await (const { workflowId, runId } of runsOf(step, query)) {
    const workflowExecution = { workflowId, runId };
    await step.findings.take(`run ${workflowId} ${runId}`, 0, () =>
      unlessNotFound(client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution })),
    );
  }
}

/** Workflows that wait for the end of a batch of which the server knows no run. */
async function endWatchesOfNothing(step: StepContext): Promise<void> {
  const { client, deps, now } = step;
  const queue = quoted(taskQueue(deps.config.queuePrefix, 'workflows'));
  const query = `WorkflowType = "notifyBatch" AND TaskQueue = ${queue} AND CloseTime IS NULL AND StartTime < ${before(now)}`;
  for await (const { workflowId, runId } of runsOf(step, query)) {
    const batchId = workflowId.split('/').at(-1) ?? '';
    if ((await client.workflow.count(batchQuery(batchId))).count > 0) continue;
    const end = (): Promise<unknown> => client.workflow.getHandle(workflowId, runId).terminate('Its batch is gone.');
    await step.findings.take(`workflow ${workflowId}`, 0, () => unlessNotFound(end()));
  }
}

/** Schedules of Darkroom whose last run waits since a week for a worker, on queues that no worker asks. */
async function dropLostSchedules(step: StepContext): Promise<void> {
  const { client, deps, findings, now, pulse } = step;
  const own = taskQueue(deps.config.queuePrefix, 'workflows');
  for await (const { scheduleId, action } of client.schedule.list()) {
    pulse.throwIfOver();
    if (action?.type !== 'startWorkflow' || action.workflowType !== SCHEDULED_MAINTENANCE) continue;
    const handle = client.schedule.getHandle(scheduleId);
    const { info, action: full } = await handle.describe();
    const [running] = info.runningActions;
    const since = info.recentActions.at(-1)?.takenAt.getTime() ?? now;
    if (running === undefined || since > now - LOST_MS || full.taskQueue === own) continue;
    if (await isServed(client, full.taskQueue)) continue;
    await findings.take(`schedule ${scheduleId}`, 0, async () => {
      await unlessNotFound(handle.delete());
      const { workflowId, firstExecutionRunId } = running.workflow;
      await unlessNotFound(
        client.workflow.getHandle(workflowId, firstExecutionRunId).terminate('Its schedule points nowhere.'),
      );
    });
  }
}

async function isServed(client: Client, name: string): Promise<boolean> {
  const { namespace } = client.options;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: 1,
  });
  return pollers.length > 0;
}

async function* runsOf({ client, findings, pulse }: StepContext, query: string): AsyncGenerator<Run> {
  let next: string | undefined;
  do {
    const page = await pageOfRuns(client, query, PAGE, next);
    next = page.next;
    findings.passed(undefined);
    for (const run of page.runs) {
      pulse.throwIfOver();
      yield run;
    }
  } while (next !== undefined);
}

function before(now: number): string {
  return quoted(new Date(now - LOST_MS).toISOString());
}
