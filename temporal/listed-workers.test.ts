import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { listedWorkers } from './listed-workers';

const { WORKER_STATUS_RUNNING, WORKER_STATUS_SHUTTING_DOWN } = temporal.api.enums.v1.WorkerStatus;

const worker = (status: number, used: number, memory: number): object => ({
  workerHeartbeat: {
    status,
    activityTaskSlotsInfo: { currentUsedSlots: used, currentAvailableSlots: 4 - used },
    hostInfo: { currentHostMemUsage: memory, currentHostCpuUsage: 0.5 },
  },
});

/** A server with two pages of workers. */
const paged = {
  workflowService: {
    listWorkers: ({ nextPageToken }: { nextPageToken?: Uint8Array }) =>
      Promise.resolve(
        nextPageToken === undefined
          ? { workersInfo: [worker(WORKER_STATUS_RUNNING, 1, 0.2)], nextPageToken: Uint8Array.of(7) }
          : {
              workersInfo: [worker(WORKER_STATUS_RUNNING, 3, 0.9), worker(WORKER_STATUS_SHUTTING_DOWN, 4, 1)],
              nextPageToken: new Uint8Array(),
            },
      ),
  },
} as unknown as Pick<Connection, 'workflowService'>;

test('workers of every page count, those that shut down do not', async () => {
  expect(await listedWorkers(paged, 'default', 'image', 'media')).toEqual({
    count: 2,
    slots: { used: 4, all: 8 },
    memory: 0.9,
    cpu: 0.5,
  });
});
