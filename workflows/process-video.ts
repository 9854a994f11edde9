import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  patched,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { ItemResult, Rendition, WorkItem } from '../common/contracts';
import type { ModelName } from '../common/models';
import type { Task, TaskResult } from '../common/tasks';
import { activitiesOf } from './activity-options';
import { analysed } from './analyse';
import { GrowingStream } from './growing-stream';
import { runItem } from './item';
import { mayHaveLeftFiles, removeOutputs, removesOutputs } from './removal';
import { Steps } from './steps';
import { runTasks } from './task-runner';
import { Window } from './window';

/** Videos are planned as data: one activity for a short one, tasks for a longer one. */
const PLANNED = 'planned-videos';

/** An item whose source is replaced while it is processed begins anew with the new one, so many times in all. */
const MAX_ROUNDS = 3;

/** Nothing writes any more when a cancelled step has ended, so its files can be removed. */
const AWAITED: ActivityOptions = { cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED };

/**
 * One video. A short one is made by one activity, with one decode. A longer one is planned by that activity: its tasks run
 * as soon as those that they come after have ended. What a task makes, it puts into storage under a name that only this
 * attempt of it has; the manifest is what publishes it, and without one everything is removed.
 */
export function processVideo(input: WorkItem): Promise<ItemResult> {
  return runItem(input, async (item) => {
    const removes = removesOutputs();
    const options = removes ? AWAITED : {};
    const activities = activitiesOf(item, undefined, options);
    const steps = new Steps((evidence) => activities.quarantine(item, evidence));
    const round = new Round(item, options, steps);
    if (!removes) return round.run();

    for (let rounds = 1; ; rounds++) {
      const scope = new CancellationScope();
      try {
        return await scope.run(() => round.run());
      } catch (error) {
        // Fails with the first step that fails: the item has no use for the others.
        scope.cancel();
        await round.ended();
        const replaced = error instanceof ApplicationFailure && error.type === 'SourceReplaced';
        if (replaced && rounds < MAX_ROUNDS) {
          steps.startOver();
          if (round.stream?.isPlayable) await round.stream.withdraw();
          continue;
        }
        if (round.hasOutputs || mayHaveLeftFiles(error)) await removeOutputs(item, activities);
        throw error;
      }
    }
  });
}

/** The way of a video from its probe to its manifest. */
class Round {
  /** A step may have put something into storage. */
  hasOutputs = false;
  /** Of a video in chunks. */
  stream?: GrowingStream;
  private readonly running: Promise<unknown>[] = [];

  constructor(
    private readonly item: WorkItem,
    private readonly options: ActivityOptions,
    private readonly steps: Steps,
  ) {}

  async run(): Promise<ItemResult> {
    // Runs that began before videos were planned as data go on as they began.
    return patched(PLANNED) ? this.runPlanned() : this.runSteps();
  }

  private async runPlanned(): Promise<ItemResult> {
    const { item, steps } = this;
    steps.plan(['video']);
    const { makeVideo } = activitiesOf(item, undefined, this.options);
    const outcome = await this.step('video', () => makeVideo(item));
    if ('result' in outcome) return outcome.result;
    this.hasOutputs = true;
    const { plan, tasks, source } = outcome.planned;
    const activities = activitiesOf(item, source, this.options);
    const priorityKey = Math.max(1, item.priority - 1);
    const sooner = activitiesOf(item, source, { ...this.options, priority: { priorityKey } });
    steps.plan(tasks.map(({ id }) => id));
    steps.chunks.plan(tasks);
    const window = new Window(outcome.planned.window);
    const stream = GrowingStream.of(item, outcome.planned, activities, steps);
    if (stream) this.running.push(stream.ended);
    this.stream = stream;
    const results = await runTasks<Task, TaskResult>(tasks, async (task, earlier) => {
      if (task.activity === 'analyse') return this.analyse(task, earlier);
      const activity = (task.first ? sooner : activities)[task.activity];
      const run = () => this.step(task.id, () => activity(item, { plan, task, results: earlier }));
      // Of two that write playlists, one might undo what the other one says.
      if (task.activity === 'packageStream') await stream?.stop();
      const result = await (task.activity === 'makeChunk' ? window.run(run) : run());
      stream?.take(task.id, result);
      return result;
    });
    const result = Object.values(results).find((each) => each.result !== undefined)?.result;
    if (result === undefined) throw ApplicationFailure.nonRetryable('The plan has no end.', 'InternalError');
    return result;
  }

  /** What a model finds in the poster, which an earlier task has put into storage. */
  private async analyse({ outputs }: Task, earlier: Record<string, TaskResult>): Promise<TaskResult> {
    const poster = Object.values(earlier)
      .flatMap(({ renditions }) => renditions)
      .find(({ role }) => role === 'poster');
    if (poster === undefined) return { renditions: [] };
    const running = analysed(this.item, this.steps, outputs as ModelName[], poster);
    this.running.push(running);
    return { renditions: [], findings: await running };
  }

  private async runSteps(): Promise<ItemResult> {
    const { item, steps } = this;
    steps.plan(['probe']);
    const { probeVideo } = activitiesOf(item, undefined, this.options);
    const work = await this.step('probe', () => probeVideo(item));
    const activities = activitiesOf(item, work.source, this.options);
    this.hasOutputs = true;

    const wantsPoster = item.preset.video?.poster !== undefined;
    const wantsSprite = item.preset.video?.sprite !== undefined;
    const encodes = work.rungs.map((rung) => `encode ${rung}`);
    const wantsHls = item.preset.video?.hls === true;
    const optional = [...(wantsPoster ? ['poster'] : []), ...(wantsSprite ? ['sprite'] : [])];
    steps.plan([...optional, ...encodes, ...(wantsHls ? ['package'] : []), 'publish']);

    const [poster, sprite, rungs] = await Promise.all([
      wantsPoster ? this.step('poster', () => activities.makePoster(item, work)) : undefined,
      wantsSprite ? this.step('sprite', () => activities.makeSprite(item, work)) : [],
      Promise.all(work.rungs.map((rung) => this.step(`encode ${rung}`, () => activities.encodeRung(item, work, rung)))),
    ]);
    const stream = wantsHls ? [await this.step('package', () => activities.packageHls(item, work, rungs))] : [];
    const renditions: Rendition[] = [...stream, ...rungs, ...(poster ? [poster.rendition] : []), ...sprite];
    return this.step('publish', () => activities.publishVideo(item, work, renditions, poster?.placeholder));
  }

  /** Resolves when no step runs any more, however each of them ended. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.running);
  }

  private step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const running = this.steps.run(name, work);
    this.running.push(running);
    return running;
  }
}
