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
/** Tasks that make sound; where there is one for its beginning, the stream does not wait for the whole. */
const SOUND = 'sound';
const SOUND_HEAD = 'sound head';

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
      .run(() => this.grow(tasks.map(({ id }) => id).filter((id) => id === SOUND || id === SOUND_HEAD)))
      .catch((error: unknown) => {
        if (!isCancellation(error)) log.warn('the stream does not grow any more', { error: String(error) });
      });
  }

  get isPlayable(): boolean {
    return this.playable !== undefined;
  }

  /** A task has ended well. */
  take(id: string, result: TaskResult): void {
    if (id === SOUND || id === SOUND_HEAD || this.waiting.includes(id)) this.made.set(id, result);
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

  /** @param sounds ids of the tasks that make sound */
  private async grow(sounds: string[]): Promise<void> {
    const soundsThere = (): string[] => sounds.filter((id) => this.made.has(id));
    if (sounds.length > 0) await condition(() => soundsThere().length > 0);
    let heard = 0;
    while (this.waiting.length > 0) {
      const isLonger = (): boolean => this.isPlayable && soundsThere().length > heard;
      await condition(() => this.made.has(this.waiting[0] ?? '') || isLonger());
      const next = this.waiting.findIndex((id) => !this.made.has(id));
      const ready = this.waiting.splice(0, next === -1 ? this.waiting.length : next);
      const there = soundsThere();
      heard = there.length;
      await this.add([...there, ...ready]);
    }
  }

  private async add(ids: string[]): Promise<void> {
    const results = Object.fromEntries(ids.map((id) => [id, this.made.get(id) ?? { renditions: [] }]));
    const playable = await this.activities.growStream(this.item, { plan: this.planned.plan, results });
    for (const id of ids) if (id !== SOUND && id !== SOUND_HEAD) this.made.delete(id);
    if (playable === undefined) return;
    const isFirst = !this.isPlayable;
    this.playable = playable;
    this.steps.playable = playable;
    if (!isFirst) return;
    upsertMemo({ playable: playable.path });
    await announce(this.item, { type: 'job.playable', playable });
  }
}
