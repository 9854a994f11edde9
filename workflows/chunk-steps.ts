import type { ChunkStates, ItemProgress } from '../common/contracts';
import type { Task, TaskResult } from '../common/tasks';

type Step = ItemProgress['steps'][number];

/** Chunks that an answer names; the states of all others are letters. */
const MOST_NAMED = 200;

const LETTERS: Record<Step['state'], string> = { waiting: 'w', running: 'r', done: 'd', failed: 'f' };

/** What the steps of an item say of the chunks of a long video. */
export class ChunkSteps {
  /** By the name of the step: its group of rungs and, once it is done, the attempt that made it. */
  private readonly known = new Map<string, { rungs: string; attempt?: number }>();
  /** Names, in the order in which the chunks were put into the queue. */
  private readonly queued = new Set<string>();

  /** Takes the chunks of a plan; those of an earlier plan are forgotten. */
  plan(tasks: readonly Pick<Task, 'id' | 'activity'>[]): void {
    this.known.clear();
    this.queued.clear();
    // `encode 360p, 480p 0:01:00-0:02:00`
    const rungsOf = (id: string): string => id.replace(/^encode (.*) \S+$/, '$1');
    for (const { id, activity } of tasks) if (activity === 'makeChunk') this.known.set(id, { rungs: rungsOf(id) });
  }

  /** A step goes into the queue. */
  began(name: string): void {
    if (this.known.has(name)) this.queued.add(name);
  }

  /** A step is in the queue no more. @param result of one that is done; that of a chunk says which attempt made it */
  ended(name: string, result?: unknown): void {
    this.queued.delete(name);
    const known = this.known.get(name);
    if (known) known.attempt = (result as TaskResult | undefined)?.attempt;
  }

  /** The steps without those chunks that need no name. */
  without(steps: Step[]): Step[] {
    if (this.known.size === 0) return steps;
    let named = 0;
    const isNamed = ({ state, attempts }: Step): boolean => state === 'running' || state === 'failed' || attempts > 1;
    return steps.filter((step) => !this.known.has(step.name) || (isNamed(step) && named++ < MOST_NAMED));
  }

  /** The states of all chunks, where there are any. */
  states(steps: Step[]): { chunks?: ChunkStates } {
    if (this.known.size === 0) return {};
    const groups = new Map<string, string[]>();
    const places = new Map<string, number>();
    for (const step of steps) {
      const known = this.known.get(step.name);
      if (known === undefined) continue;
      const again = Math.max(step.attempts, known.attempt ?? 1) > 1 && step.state !== 'failed';
      const letter = again ? LETTERS[step.state].toUpperCase() : LETTERS[step.state];
      const letters = groups.get(known.rungs) ?? [];
      letters.push(letter === 'W' ? 'R' : letter);
      groups.set(known.rungs, letters);
      places.set(step.name, places.size);
    }
    return {
      chunks: {
        groups: [...groups].map(([rungs, letters]) => ({ rungs, states: letters.join('') })),
        queued: [...this.queued].flatMap((name) => places.get(name) ?? []),
      },
    };
  }
}
