import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowIdConflictPolicy,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';
import type { Config } from '../../common/config';
import {
  maintenanceId,
  MAINTENANCE_STEP_NAMES,
  type MaintenanceInput,
  type MaintenanceResult,
} from '../../common/maintenance';
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
      workflowType: 'scheduledMaintenance' satisfies keyof typeof import('../../workflows'),
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
