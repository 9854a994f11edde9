import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit, TunerHolder } from '@temporalio/worker';
import { solitude, type Solitude } from '../../activities/deaths/solitude';
import type { ScratchRoom } from './room';

/**
 * As many activities at once as there are slots, and no new one while the scratch disk has no room or an activity is to be
 * alone: a slot is handed out before the server is asked for a task, so such a worker asks for none and leaves the work to
 * others.
 */
export class SlotsWithRoom implements CustomSlotSupplier<ActivitySlotInfo> {
  readonly type = 'custom';
  private used = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly slots: number,
    private readonly room: ScratchRoom,
    private readonly gate: Pick<Solitude, 'isWanted' | 'open'> = solitude,
  ) {}

  async reserveSlot(_context: unknown, signal: AbortSignal): Promise<SlotPermit> {
    await this.freeSlot(signal);
    this.used++;
    try {
      await this.room.wait(signal);
      await this.gate.open(signal);
      return {};
    } catch (error) {
      this.releaseSlot();
      throw error;
    }
  }

  tryReserveSlot(): SlotPermit | null {
    if (this.used >= this.slots || !this.room.state.ok || this.gate.isWanted) return null;
    this.used++;
    return {};
  }

  markSlotUsed(): void {
    // What runs is counted from its reservation on.
  }

  releaseSlot(): void {
    this.used--;
    this.waiting.shift()?.();
  }

  private async freeSlot(signal: AbortSignal): Promise<void> {
    while (this.used >= this.slots) {
      signal.throwIfAborted();
      let wake = (): void => undefined;
      const woken = new Promise<void>((resolve) => (wake = resolve));
      this.waiting.push(wake);
      signal.addEventListener('abort', wake, { once: true });
      await woken;
      signal.removeEventListener('abort', wake);
      const index = this.waiting.indexOf(wake);
      if (index >= 0) this.waiting.splice(index, 1);
    }
  }
}

const unused = { type: 'fixed-size', numSlots: 1 } as const;
/** Of a worker that has activities and nothing else. */
export const unusedSlots = {
  workflowTaskSlotSupplier: unused,
  localActivityTaskSlotSupplier: unused,
  nexusTaskSlotSupplier: unused,
};

/** Slots of a worker that has activities and no workflows. */
export function tunerFor(slots: number, room: ScratchRoom): TunerHolder {
  return { ...unusedSlots, activityTaskSlotSupplier: new SlotsWithRoom(slots, room) };
}
