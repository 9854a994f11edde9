import type { MediaJob, WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { grpcCode, INVALID_ARGUMENT, rootMessage } from './lib/grpc';
import { resolveJob, type JobContext, type JobDefaults } from './job';
import { forEachBounded } from './lib/pool';
import { submitItem, type SubmitContext, type SubmitOptions } from './submit';

/** Something that cannot become an item: a bad line, an unreadable folder, a job that makes no sense. */
export class ItemProblem {
  constructor(
    readonly source: string,
    readonly type: string,
    readonly message: string,
  ) {}

  static from(source: string, error: unknown): ItemProblem {
    if (error instanceof DarkroomError) return new ItemProblem(source, error.type, error.message);
    return new ItemProblem(source, 'InvalidJob', `Temporal refused it: ${rootMessage(error)}`);
  }
}

export type Entry = MediaJob | ItemProblem;

/** What became of the entries so far. */
export interface Tally {
  started: number;
  joined: number;
  skipped: number;
  rejected: number;
}

export interface StreamOptions extends SubmitOptions {
  defaults: JobDefaults;
  /** Submissions at once over the one connection; Temporal has no call for many. Default 64. */
  concurrency?: number;
  onProblem?: (problem: ItemProblem) => void;
  /** Changes a job before it is resolved, for example brings its source to where workers can read it. */
  prepare?: (job: MediaJob) => Promise<MediaJob>;
  /** Told of each new run. */
  onStarted?: (item: WorkItem) => void;
  /** The live figures; given so that somebody can show them meanwhile. */
  tally?: Tally;
}

export const DEFAULT_CONCURRENCY = 64;

export function emptyTally(): Tally {
  return { started: 0, joined: 0, skipped: 0, rejected: 0 };
}

/**
 * Submits every entry, as many at once as allowed, and takes the next one only when there is room. A bad entry is told of
 * and counted; the others go on. A server that restarts in the middle loses nothing.
 * @throws the signal's reason on abort, and whatever keeps all items from being submitted (no permission, no namespace)
 */
export async function submitStream(
  context: SubmitContext & JobContext,
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  options: StreamOptions,
): Promise<Tally> {
  const tally = options.tally ?? emptyTally();
  const reject = (problem: ItemProblem): void => {
    tally.rejected++;
    options.onProblem?.(problem);
  };
  await forEachBounded(
    entries,
    options.concurrency ?? DEFAULT_CONCURRENCY,
    async (entry) => {
      if (entry instanceof ItemProblem) return reject(entry);
      try {
        const job = options.prepare === undefined ? entry : await options.prepare(entry);
        const item = await resolveJob(job, options.defaults, context);
        const submitted = await submitItem(context, item, options);
        tally[submitted]++;
        if (submitted === 'started') options.onStarted?.(item);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof DarkroomError) && grpcCode(error) !== INVALID_ARGUMENT) throw error;
        reject(ItemProblem.from(entry.source, error));
      }
    },
    options.signal,
  );
  return tally;
}
