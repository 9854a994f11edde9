import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowIdConflictPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import type { Config } from '../../common/config';
import {
  maintenanceId,
  MAINTENANCE_STEP_NAMES,
  SCHEDULED_MAINTENANCE,
  type MaintenanceInput,
  type MaintenanceResult,
} from '../../common/maintenance';
import { quoted } from '../../temporal/batches/query';
import { pageOfRuns, stateOf } from '../../temporal/batches/runs';
import { taskQueue } from '../../common/pools';
import type { maintenance, scheduledMaintenance } from '../../workflows';

/** Starts the maintenance, or joins the one that runs. @returns its result */
export async function runMaintenance(
  client: Client,
  queuePrefix: string,
  input: MaintenanceInput,
): Promise<MaintenanceResult> {
  const handle = await client.workflow.start<typeof maintenance>('maintenance', {
    workflowId: maintenanceId(queuePrefix),
    taskQueue: taskQueue(queuePrefix, 'workflows'),
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    staticSummary: input.cleanup ? 'Removes what is not needed' : 'Counts what is not needed',
  });
  return handle.result();
}

/** A run of the maintenance, as the server shows it. */
export interface MaintenanceRun {
  startedAt: Date;
  /** Absent while it runs. */
  endedAt?: Date;
  /** Absent while it runs, and where it was ended from outside. */
  result?: MaintenanceResult;
}

/** Results of closed runs, which never change. */
const results = new WeakMap<Client, Map<string, MaintenanceResult>>();
/** Runs whose results are kept. */
const MAX_KEPT = 100;

/** The last runs that the server knows, the latest first: those that run, and those that closed. @param most of them */
export async function lastMaintenances(client: Client, queuePrefix: string, most: number): Promise<MaintenanceRun[]> {
  const { runs } = await pageOfRuns(client, `WorkflowId = ${quoted(maintenanceId(queuePrefix))}`, most);
  const known = results.get(client) ?? new Map<string, MaintenanceResult>();
  results.set(client, known);
  const found = runs.map(async (run): Promise<MaintenanceRun> => {
    const { workflowId, runId, startTime: startedAt, closeTime: endedAt } = run;
    if (stateOf(run) !== 'succeeded') return { startedAt, endedAt };
    const result =
      known.get(runId) ?? (await client.workflow.getHandle<typeof maintenance>(workflowId, runId).result());
    if (known.size >= MAX_KEPT) known.clear();
    known.set(runId, result);
    return { startedAt, endedAt, result };
  });
  return Promise.all(found);
}

/** How it stands with the nightly maintenance. */
export interface MaintenanceState {
  /** The end of the last cleanup; before the first one, when its Schedule was made. Absent without either. */
  endedAt?: Date;
  /** Of that cleanup; 0 before the first one. */
  failedSteps?: number;
  /** From one to the next, ms; absent without a Schedule. */
  periodMs?: number;
}

/** Cleanups among so many runs count; the others were dry. */
const LOOKED_AT = 20;

export async function maintenanceState(client: Client, queuePrefix: string): Promise<MaintenanceState> {
  const schedule = await describeSchedule(client, queuePrefix);
  const runs = await lastMaintenances(client, queuePrefix, LOOKED_AT);
  const [next, second] = schedule?.info.nextActionTimes ?? [];
  const periodMs = next && second && second.getTime() - next.getTime();
  const last = runs.find(({ result }) => result?.cleanup);
  if (last) {
    return { endedAt: last.endedAt, failedSteps: last.result?.steps.filter(({ error }) => error).length, periodMs };
  }
  // The server forgets closed runs after a while, but not when the Schedule started them; one that is stuck is still there.
  const started = schedule?.info.runningActions.length === 0 ? schedule.info.recentActions.at(-1)?.takenAt : undefined;
  return schedule === undefined ? {} : { endedAt: started ?? schedule.info.createdAt, failedSteps: 0, periodMs };
}

/** When the Schedule starts the next one; undefined without a Schedule. */
export async function nextMaintenance(client: Client, queuePrefix: string): Promise<Date | undefined> {
  return (await describeSchedule(client, queuePrefix))?.info.nextActionTimes[0];
}

async function describeSchedule(client: Client, queuePrefix: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(maintenanceId(queuePrefix)).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** Makes the Schedule be as the configuration says, whether it is there or not; several processes may do so at once. */
export async function ensureMaintenanceSchedule(
  client: Client,
  { maintenanceCron, queuePrefix }: Pick<Config, 'maintenanceCron' | 'queuePrefix'>,
): Promise<void> {
  const scheduleId = maintenanceId(queuePrefix);
  const handle = client.schedule.getHandle(scheduleId);
  if (maintenanceCron === 'none') {
    await handle.delete().catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
    return;
  }
  const input: MaintenanceInput = { cleanup: true, steps: MAINTENANCE_STEP_NAMES };
  const options = {
    spec: { cronExpressions: [maintenanceCron] },
    action: {
      type: 'startWorkflow',
      workflowType: SCHEDULED_MAINTENANCE satisfies keyof typeof import('../../workflows'),
      workflowId: `${scheduleId}/scheduled`,
      taskQueue: taskQueue(queuePrefix, 'workflows'),
      args: [input] satisfies Parameters<typeof scheduledMaintenance>,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  try {
    await client.schedule.create({ scheduleId, ...options });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await handle.update(({ state }) => ({ ...options, state }));
  }
}
