import { ERRORS, isErrorType } from '../../../../common/errors';
import type { Failure, ItemState, Readiness } from '../api';

export const STATE_WORDS: Record<ItemState, string> = {
  open: 'In progress',
  queued: 'Waiting',
  running: 'In progress',
  paused: 'Paused',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/** Ends of a run that are no row of the error table. */
const OTHER_ENDS: Record<string, { title: string; advice: string }> = {
  Cancelled: { title: 'Cancelled', advice: 'Retry to process the item after all.' },
  Terminated: { title: 'Stopped in Temporal', advice: 'Retry to process the item after all.' },
  TimedOut: { title: 'Took too long', advice: 'Retry.' },
};

function wordsOf({ type }: Failure): { title: string; advice: string } {
  if (isErrorType(type)) return ERRORS[type];
  return OTHER_ENDS[type] ?? { title: 'Failed', advice: 'Retry.' };
}

export function failureTitle(failure: Failure): string {
  return wordsOf(failure).title;
}

export function failureAdvice(failure: Failure): string {
  return wordsOf(failure).advice;
}

interface HealthWords {
  /** For the header, which is narrow. */
  short: string;
  sentence: string;
}

export const NO_SERVICE: HealthWords = { short: 'No answer', sentence: 'The service does not answer.' };

const AWAY: Record<string, HealthWords> = {
  temporal: { short: 'Temporal away', sentence: 'Temporal does not answer: nothing is lost, and nothing goes on.' },
  storage: { short: 'Storage away', sentence: 'The storage of the outputs does not answer.' },
  server: { short: 'Stopping', sentence: 'The service is about to stop.' },
};

/** What the service says of itself, in words for people. */
export function healthWords({ ready, away }: Readiness): HealthWords {
  const known = away.map((name) => AWAY[name]).find((words) => words !== undefined);
  if (known) return known;
  if (ready) return { short: 'Ready', sentence: 'Everything that the service needs answers.' };
  return { short: 'Not ready', sentence: 'The service is not ready.' };
}
