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

/** What a kind of failure means for the reader, and what helps. Types are those of the error table. */
const HEADLINES: Record<string, { title: string; advice: string }> = {
  UnsupportedMedia: { title: 'Not a type we read', advice: 'Send it as JPEG, PNG, WebP, AVIF, MP4, MOV or WebM.' },
  CorruptMedia: { title: 'The file is damaged', advice: 'Export or upload it again.' },
  MediaTooLarge: { title: 'The file is too large', advice: 'Send a smaller one.' },
  SourceNotFound: { title: 'The file is not there', advice: 'Check its address, or upload it again.' },
  SourceForbidden: { title: 'The file may not be read', advice: 'Ask for access to the place it lies in.' },
  OutputForbidden: { title: 'The results may not be written', advice: 'Choose another place for the results.' },
  InvalidJob: { title: 'The request makes no sense', advice: 'Correct it and submit it again.' },
  Quarantined: {
    title: 'Put into quarantine',
    advice: 'The file kills the programs that read it; look at its evidence.',
  },
  SourceUnavailable: { title: 'The source did not answer', advice: 'Retry when it is back.' },
  StorageUnavailable: { title: 'The storage did not answer', advice: 'Retry when it is back.' },
  EncoderFailed: {
    title: 'The encoder gave up',
    advice: 'Retry; if it fails again, tell the people who run Darkroom.',
  },
  InternalError: {
    title: 'A fault of Darkroom',
    advice: 'Retry; if it fails again, tell the people who run Darkroom.',
  },
  Cancelled: { title: 'Cancelled', advice: 'Retry to process it after all.' },
  Terminated: { title: 'Stopped in Temporal', advice: 'Retry to process it after all.' },
  TimedOut: { title: 'Took too long', advice: 'Retry.' },
};

export function failureTitle(failure: Failure): string {
  return HEADLINES[failure.type]?.title ?? 'It failed';
}

export function failureAdvice(failure: Failure): string {
  return HEADLINES[failure.type]?.advice ?? 'Retry.';
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
