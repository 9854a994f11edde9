import { DarkroomError, ERRORS } from '../common/errors';
import { sleepUnlessAborted } from '../common/sleep';

/** gRPC status codes that say "later": DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE. */
const TRANSIENT = new Set([4, 8, 10, 14]);
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/** The status code of a gRPC error, or of the one that the SDK wrapped. */
export function grpcCode(error: unknown): number | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'number') return code;
  }
  return undefined;
}

/** Does the error pass by itself: by its gRPC code, or by its row of the error table? */
export function isTransient(error: unknown): boolean {
  if (error instanceof DarkroomError) return ERRORS[error.type].retryable === true;
  const code = grpcCode(error);
  return code !== undefined && TRANSIENT.has(code);
}

/** The server is there and was too slow, or has too much to do: CANCELLED (by the deadline), DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED. */
const SLOW = new Set([1, 4, 8]);

export function isSlow(error: unknown): boolean {
  const code = grpcCode(error);
  return code !== undefined && SLOW.has(code);
}

export const INVALID_ARGUMENT = 3;
export const NOT_FOUND = 5;

const UNKNOWN_NAMES = ['WorkflowNotFoundError', 'ScheduleNotFoundError'];

/** True for what the server, or the SDK in its name, says of a run, an activity or a Schedule that has ended or never was. */
export function isNotFound(error: unknown): boolean {
  return grpcCode(error) === NOT_FOUND || (error instanceof Error && UNKNOWN_NAMES.includes(error.name));
}

/** The answer of a call; undefined where what the call is about has ended or never was, see {@link isNotFound}. */
export async function unlessNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** What the innermost error says: the SDK's wrapping only says which call it was. */
export function rootMessage(error: unknown): string {
  let at = error;
  for (let depth = 0; at instanceof Error && at.cause instanceof Error && depth < 5; depth++) at = at.cause;
  const { details, message } = at as { details?: unknown; message?: unknown };
  return String(typeof details === 'string' && details !== '' ? details : (message ?? at));
}

export interface RetryOptions {
  signal?: AbortSignal;
  /** ms to go on trying. Default 5 minutes: a server restarts in that time, and nothing must be lost meanwhile. */
  limitMs?: number;
  /** Called when a wait begins; an error that it throws ends the waiting. */
  onWait?: (error: unknown) => void;
  /** Is it worth trying again? Default: {@link isTransient}. */
  passes?: (error: unknown) => boolean;
  /** ms to wait at least, where the error says so. */
  leastWaitMs?: (error: unknown) => number | undefined;
}

/** Repeats a call while Temporal or a store is away or overloaded. */
export async function retrying<T>(call: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { limitMs = 300_000, passes = isTransient } = options;
  const deadline = Date.now() + limitMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    options.signal?.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const least = options.leastWaitMs?.(error) ?? 0;
      if (!passes(error) || Date.now() + Math.max(wait, least) > deadline) throw error;
      options.onWait?.(error);
      // Spread out, so that a hundred callers do not come back in the same moment.
      await sleepUnlessAborted(least + wait * (0.5 + Math.random()), options.signal);
    }
  }
}
