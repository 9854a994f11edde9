import type {
  ActivitySlotInfo,
  CustomSlotSupplier,
  NativeConnection,
  SlotPermit,
  TunerHolder,
} from '@temporalio/worker';
import { temporal } from '@temporalio/proto';
import { WarmQueues, type QueueLook } from '../activities/find-model';
import type { Config } from '../common/config';
import type { ModelName } from '../common/models';
import { warmQueue } from '../common/pools';
import type { ModelHost } from '../models/host';
import { namespaceOf } from '../temporal/connect';
import { unusedSlots, type SlotsWithRoom } from './scratch/slots';

/**
 * Slots of one queue of models. A worker asks a model's own queue for tasks only while it has the model, and any queue only
 * while another inference could begin: a task is not to wait here while another worker is idle.
 */
class ModelSlots implements CustomSlotSupplier<ActivitySlotInfo> {
  readonly type = 'custom';

  constructor(
    private readonly slots: SlotsWithRoom,
    private readonly host: Pick<ModelHost, 'until' | 'isWarm' | 'hasRoom'>,
    private readonly model?: ModelName,
  ) {}

  async reserveSlot(context: unknown, signal: AbortSignal): Promise<SlotPermit> {
    const permit = await this.slots.reserveSlot(context, signal);
    try {
      await this.host.until(() => this.isOpen, signal);
      return permit;
    } catch (error) {
      this.slots.releaseSlot();
      throw error;
    }
  }

  tryReserveSlot(): SlotPermit | null {
    return this.isOpen ? this.slots.tryReserveSlot() : null;
  }

  markSlotUsed(): void {
    // What runs is counted from its reservation on.
  }

  releaseSlot(): void {
    this.slots.releaseSlot();
  }

  private get isOpen(): boolean {
    return this.host.hasRoom && (this.model === undefined || this.host.isWarm(this.model));
  }
}

/** @param model whose own queue it is; absent: the common one */
export function modelTuner(slots: SlotsWithRoom, host: ModelHost, model?: ModelName): TunerHolder {
  return { ...unusedSlots, activityTaskSlotSupplier: new ModelSlots(slots, host, model) };
}

/** A worker asks again after a minute without a task. */
const POLLED_MS = 70_000;

/** The queues of models as the server sees them. */
export function warmQueuesOf(
  connection: NativeConnection,
  config: Config,
  loadSeconds?: (model: ModelName) => number,
): WarmQueues {
  const look = async (model: ModelName): Promise<QueueLook> => {
    const { pollers, stats } = await connection.workflowService.describeTaskQueue({
      namespace: namespaceOf(config),
      taskQueue: { name: warmQueue(config.queuePrefix, model) },
      taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      reportStats: true,
    });
    const since = Date.now() - POLLED_MS;
    return {
      isPolled: (pollers ?? []).some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 > since),
      ageSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    };
  };
  return new WarmQueues(look, loadSeconds);
}
