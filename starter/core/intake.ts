import type { MediaJob } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { resolveJob, type JobContext, type JobDefaults } from './job';
import { itemKey, named, type ItemNames } from './keys';
import type { Ledger, Twin } from './ledger';
import { grpcCode, INVALID_ARGUMENT, retrying, rootMessage, type RetryOptions } from '../../temporal/grpc';
import { forEachBounded } from '../../common/for-each-bounded';
import { submitItem, type Outcome, type SubmitContext, type Submitted, type SubmitOptions } from './submit';

/** One entry of a submission: a job, or the reason why there is none. */
export interface Entry {
  /** For messages: the job's source, or `list.jsonl:17` for a line that is no job. */
  name: string;
  /** Line of the list, from 1, or index in the array, from 0. */
  place?: number;
  job: MediaJob | Error;
}

/** What became of an entry. `duplicate`: the same job as an entry before, which stands for both. */
export type Taken =
  | { status: Submitted; key: string; run?: string }
  | { status: 'duplicate'; key: string; of?: number }
  | { status: 'rejected'; error: unknown };

/** Entries by what became of them. */
export interface Tally {
  started: number;
  joined: number;
  skipped: number;
  rejected: number;
  duplicates: number;
}

export function emptyTally(): Tally {
  return { started: 0, joined: 0, skipped: 0, rejected: 0, duplicates: 0 };
}

/** Submits one job. Whether it waits for a Temporal that is away, or gives up, is its own choice. */
export type Submit = (job: MediaJob) => Promise<Outcome & { key: string }>;

export interface Intake {
  submit: Submit;
  /** The items so far; absent: entries are not compared with each other. */
  ledger?: Ledger;
  /** What holds for a job that does not say otherwise: jobs that come to the same are the same. */
  defaults?: Partial<MediaJob>;
  /** Default: `readable`. */
  names?: ItemNames;
  /** How two places are named together. Default: `lines 3 and 7`. */
  places?: (first: number, second: number) => string;
  signal?: AbortSignal;
}

export interface IntakeOptions {
  /** Entries at once. */
  concurrency: number;
  /** The live figures; given so that they can be shown meanwhile. */
  tally?: Tally;
  /** Called for each entry when it is settled; the next entries wait for it. */
  onTaken?: (taken: Taken, entry: Entry) => void | Promise<void>;
}

/**
 * Submits every entry, and takes the next one only when there is room. An entry that can never become an item is rejected
 * and counted; the others go on.
 * @throws the signal's reason on abort, and what keeps all entries from being submitted (see {@link concernsOneJob})
 */
export async function takeAll(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  intake: Intake,
  { concurrency, tally = emptyTally(), onTaken }: IntakeOptions,
): Promise<Tally> {
  const work = async (entry: Entry): Promise<void> => {
    const taken = await take(entry, intake);
    tally[taken.status === 'duplicate' ? 'duplicates' : taken.status]++;
    await onTaken?.(taken, entry);
  };
  await forEachBounded(entries, concurrency, work, intake.signal);
  return tally;
}

/** Submits one entry. @throws as {@link takeAll} */
export async function take({ job: given, place }: Entry, intake: Intake): Promise<Taken> {
  if (given instanceof Error) return { status: 'rejected', error: given };
  const job = named(given, intake.names);
  try {
    const key = itemKey(job.source, job.id);
    const twin = intake.ledger?.claim(key, { ...intake.defaults, ...job }, place);
    if (twin?.differs === 'same') return { status: 'duplicate', key, of: twin.place };
    if (twin !== undefined) throw conflict(given, place, twin, intake.places);
    const outcome = await intake.submit(job);
    if (outcome.runId !== undefined) intake.ledger?.accept(key, outcome.runId);
    return { status: outcome.status, key: outcome.key, run: outcome.runId };
  } catch (error) {
    intake.signal?.throwIfAborted();
    if (!concernsOneJob(error)) throw error;
    return { status: 'rejected', error };
  }
}

function conflict(
  { id }: MediaJob,
  place: number | undefined,
  twin: Twin,
  places: Intake['places'] = (first, second) => `lines ${first} and ${second}`,
): DarkroomError {
  const where = place !== undefined && twin.place !== undefined ? `, in ${places(twin.place, place)}` : '';
  const what = id === undefined ? 'The source' : `The id "${id.slice(0, 100)}"`;
  const other = twin.differs === 'source' ? 'for two sources' : 'with different fields, such as preset or output';
  return new DarkroomError('Conflict', `${what} is used twice ${other}${where}; give each job an id of its own.`);
}

/**
 * True for an error that only this job has, so that the next one may be tried: what the error table or the API blames on
 * the request. False while Temporal or a store is away, without permission, at a rate limit, and for faults of ours.
 */
export function concernsOneJob(error: unknown): boolean {
  if (grpcCode(error) === INVALID_ARGUMENT) return true;
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === 'number' && status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

/** Trouble that passes, of one file only and for too long. `cause` says which. */
class GivenUp extends Error {
  override readonly name = 'GivenUp';
  readonly status = 422;
}

/** Why an entry was rejected: a row of the error table or of the API's problems, and one sentence. */
export function reasonOf(error: unknown): { type: string; message: string } {
  if (error instanceof GivenUp) {
    const { type, message } = reasonOf(error.cause);
    return { type, message: `${message} ${error.message}` };
  }
  const { type } = error as { type?: unknown };
  if (error instanceof Error && typeof type === 'string') return { type, message: error.message };
  return { type: 'InvalidJob', message: `Temporal refused it: ${rootMessage(error)}` };
}

export interface PatienceOptions extends RetryOptions {
  /** ms after which a file that still fails is given up, if others got through meanwhile. Default 10 minutes. */
  aloneMs?: number;
}

/**
 * Repeats a step of each job for as long as it takes, since a store or service that is away keeps all jobs back. Where others
 * get through, the trouble is the file's own, and it is rejected after a while.
 */
export function patiently({
  aloneMs = 600_000,
  ...options
}: PatienceOptions): <T>(step: () => Promise<T>) => Promise<T> {
  let lastSuccess = 0;
  return async (step) => {
    const since = Date.now();
    const onWait = (error: unknown): void => {
      if (lastSuccess > since && Date.now() - since >= aloneMs) {
        throw new GivenUp('It was tried again and again while other files got through.', { cause: error });
      }
      options.onWait?.(error);
    };
    const result = await retrying(step, { ...options, onWait });
    lastSuccess = Date.now();
    return result;
  };
}

export interface DirectOptions extends SubmitOptions, PatienceOptions {
  /** Changes a job before it is resolved, for example brings its source to where workers can read it. */
  prepare?: (job: MediaJob) => Promise<MediaJob>;
}

/** Submits to Temporal without a service between. What the error table calls retryable is waited for, store and Temporal alike. */
export function submitDirectly(
  context: SubmitContext & JobContext,
  defaults: JobDefaults,
  options: DirectOptions = {},
): Submit {
  const { prepare } = options;
  const patient = patiently(options);
  return async (job) => {
    const ready = prepare === undefined ? job : await patient(() => prepare(job));
    const item = await resolveJob(ready, defaults, context);
    return { ...(await submitItem(context, item, options)), key: item.itemKey };
  };
}
