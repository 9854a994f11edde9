import { CancellationScope, condition, isCancellation, log, patched, upsertMemo } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { WorkItem } from '../common/contracts';
import type { Playable } from '../common/playable';
import type { PlanRef, TaskResult } from '../common/tasks';
import { removeOutputs } from './removal';
import type { Steps } from './steps';
import { announce } from './webhook';

/** Runs that began before streams grew replay without that. */
const PATCH = 'streams-grow';
const SOUND = 'sound';

/**
 * The stream of a video in chunks while it is made: chunks are added in the order of the plan, one call at a time, and each
 * call takes what has come since. It is a courtesy: where it fails, the item goes on, and its stream is there in the end.
 */
export class GrowingStream {
  /** Resolves when nothing is added any more, however that came about. */
  readonly ended: Promise<void>;
  private readonly scope = new CancellationScope();
  private readonly waiting: string[];
  private readonly made = new Map<string, TaskResult>();
  private playable?: Playable;

  /** Undefined where the video has no such stream. Leaves a mark in the history. */
  static of(
    item: WorkItem,
    planned: PlanRef,
    activities: Pick<Activities, 'growStream' | 'removeOutputs'>,
    steps: Pick<Steps, 'playable'>,
  ): GrowingStream | undefined {
    if (planned.stream === undefined || !patched(PATCH)) return undefined;
    return new GrowingStream(item, planned, activities, steps);
  }

  private constructor(
    private readonly item: WorkItem,
    private readonly planned: PlanRef,
    private readonly activities: Pick<Activities, 'growStream' | 'removeOutputs'>,
    private readonly steps: Pick<Steps, 'playable'>,
  ) {
    const { tasks } = planned;
    this.waiting = tasks.filter(({ activity }) => activity === 'makeChunk').map(({ id }) => id);
    this.ended = this.scope
      .run(() => this.grow(tasks.some(({ id }) => id === SOUND)))
      .catch((error: unknown) => {
        if (!isCancellation(error)) log.warn('the stream does not grow any more', { error: String(error) });
      });
  }

  get isPlayable(): boolean {
    return this.playable !== undefined;
  }

  /** A task has ended well. */
  take(id: string, result: TaskResult): void {
    if (id === SOUND || this.waiting.includes(id)) this.made.set(id, result);
  }

  /** Resolves when nothing is written any more. */
  stop(): Promise<void> {
    this.scope.cancel();
    return this.ended;
  }

  /** Takes back a stream of a source that was replaced. To be called when nothing is written any more. */
  async withdraw(): Promise<void> {
    upsertMemo({ playable: null });
    await removeOutputs(this.item, this.activities);
  }

  private async grow(hasSound: boolean): Promise<void> {
    if (hasSound) await condition(() => this.made.has(SOUND));
    while (this.waiting.length > 0) {
      await condition(() => this.made.has(this.waiting[0] ?? ''));
      const next = this.waiting.findIndex((id) => !this.made.has(id));
      const ready = this.waiting.splice(0, next === -1 ? this.waiting.length : next);
      await this.add([...(hasSound ? [SOUND] : []), ...ready]);
    }
  }

  private async add(ids: string[]): Promise<void> {
    const results = Object.fromEntries(ids.map((id) => [id, this.made.get(id) ?? { renditions: [] }]));
    const playable = await this.activities.growStream(this.item, { plan: this.planned.plan, results });
    for (const id of ids) if (id !== SOUND) this.made.delete(id);
    if (playable === undefined) return;
    const isFirst = !this.isPlayable;
    this.playable = playable;
    this.steps.playable = playable;
    if (!isFirst) return;
    upsertMemo({ playable: playable.path });
    await announce(this.item, { type: 'job.playable', playable });
  }
}
