import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { grpcCode } from './grpc';

const { WORKER_STATUS_RUNNING } = temporal.api.enums.v1.WorkerStatus;

/** The workers of a task queue, as they tell the server every minute. */
export interface ListedWorkers {
  count: number;
  /** Slots of all of them for what the queue carries; undefined where they do not say. */
  slots?: { used: number; all: number };
  /** The fullest memory and the busiest processor of their machines, 0 to 1. */
  memory: number;
  cpu: number;
}

/**
 * Running workers by their last heartbeat, every page of them. A server older than 1.30 lists none, nor does one whose
 * operator has switched the call off (`frontend.ListWorkersEnabled`).
 * @param query narrows them, as in `TaskQueue = "darkroom-image"`
 */
export async function runningWorkers(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
  query?: string,
): Promise<temporal.api.worker.v1.IWorkerHeartbeat[]> {
  const workers: temporal.api.worker.v1.IWorkerHeartbeat[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await workflowService.listWorkers({ namespace, query, nextPageToken }).catch((error: unknown) => {
      if (grpcCode(error) === undefined) throw error;
      return undefined;
    });
    for (const { workerHeartbeat } of page?.workersInfo ?? []) {
      if (workerHeartbeat?.status === WORKER_STATUS_RUNNING) workers.push(workerHeartbeat);
    }
    nextPageToken = page?.nextPageToken;
  } while (nextPageToken !== undefined && nextPageToken.length > 0);
  return workers;
}

/** Undefined where the server does not list workers (1.30 and newer do), or none has told of itself yet. */
export async function listedWorkers(
  connection: Pick<Connection, 'workflowService'>,
  namespace: string,
  taskQueue: string,
  carries: 'workflows' | 'media',
): Promise<ListedWorkers | undefined> {
  const workers = await runningWorkers(connection, namespace, `TaskQueue = "${taskQueue}"`);
  if (workers.length === 0) return undefined;
  const slots = workers.map((worker) =>
    carries === 'workflows' ? worker.workflowTaskSlotsInfo : worker.activityTaskSlotsInfo,
  );
  const used = sum(slots.map((each) => each?.currentUsedSlots));
  const free = sum(slots.map((each) => each?.currentAvailableSlots));
  return {
    count: workers.length,
    ...(used + free > 0 && { slots: { used, all: used + free } }),
    memory: Math.max(...workers.map(({ hostInfo }) => hostInfo?.currentHostMemUsage ?? 0)),
    cpu: Math.max(...workers.map(({ hostInfo }) => hostInfo?.currentHostCpuUsage ?? 0)),
  };
}

function sum(values: (number | null | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

/** `, 3 of 8 slots used, memory of their machines up to 62 %, processors up to 90 %` */
export function listedText(workers: ListedWorkers | undefined): string {
  if (workers === undefined) return '';
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const { slots, memory, cpu } = workers;
  const used = slots === undefined ? '' : `, ${slots.used} of ${slots.all} slots used`;
  return `${used}, memory of their machines up to ${percent(memory)}, processors up to ${percent(cpu)}`;
}
