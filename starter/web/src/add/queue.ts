import { useEffect, useState } from 'preact/hooks';
import type { MediaKind } from '../../../../common/kinds';
import { act, ApiError, getJob, isOpen, newUploadId, submit, upload, type Failure } from '../api';
import { NO_SERVICE } from '../lib/words';
import type { Choice } from './preset';
import { rememberUnsent, takeUnsent, type Unsent } from './unsent';

/** One chosen file, or one address, on its way. */
export interface Entry {
  key: number;
  name: string;
  /** Absent for an address, and for a file of an earlier page until it is chosen again. */
  file?: File;
  /** Of a file: what goes on with its upload after the page was left. */
  unsent?: Unsent;
  /** Of an address: what the service fetches itself. */
  source?: string;
  choice: Choice;
  /** `left`: by an earlier page, before it was sent. */
  phase: 'left' | 'waiting' | 'uploading' | 'processing' | 'completed' | 'failed';
  /** 0–1, of the present phase. */
  fraction: number;
  /** What it does now, in words. */
  step: string;
  jobId?: string;
  error?: Failure;
}

/** Uploads at once: more only share the same line. */
const UPLOADS = 3;
/** ms between two looks at a job, times one for each five that are looked at. */
const POLL_MS = 1000;
const LOOKS = 5;

const listeners = new Set<() => void>();
const uploads = new Map<number, AbortController>();
let count = 0;
/** The files of this visit. They outlive a change of the page, so that nobody has to wait and watch. */
let entries: Entry[] = takeUnsent().map((unsent) => ({
  ...entry({ name: unsent.name, choice: unsent.choice }),
  ...{ unsent, phase: 'left', fraction: unsent.fraction, step: 'Choose the file again' },
}));

function replace(changed: Entry[]): void {
  entries = changed;
  rememberUnsent(
    entries.flatMap(({ unsent, fraction, phase }) =>
      unsent !== undefined && ['left', 'waiting', 'uploading'].includes(phase) ? [{ ...unsent, fraction }] : [],
    ),
  );
  for (const listener of listeners) listener();
}

function change(key: number, part: Partial<Entry>): void {
  replace(entries.map((entry) => (entry.key === key ? { ...entry, ...part } : entry)));
}

const isToSend = ({ phase }: Entry): boolean => phase === 'waiting' || phase === 'uploading';

// What is not sent yet exists in this tab only.
addEventListener('beforeunload', (event) => {
  if (entries.some(isToSend)) event.preventDefault();
});

/** The same file under the same choice twice is one entry; one that an earlier page left goes on under the choice it had. */
export function enqueue(files: readonly File[], choice: Choice): void {
  const left = new Map(entries.filter(({ phase }) => phase === 'left').map((each) => [fileId(each.unsent), each]));
  for (const file of files) {
    const { key } = left.get(fileId(file)) ?? {};
    if (key !== undefined) change(key, { file, phase: 'waiting', step: 'Waiting' });
  }
  const known = new Set(
    entries.filter(({ phase }) => phase !== 'failed').map(({ file, choice: of }) => idOf(file, of)),
  );
  const fresh = files.filter((file) => !left.has(fileId(file)) && !known.has(idOf(file, choice)));
  add(
    fresh.map((file) => {
      const { name, size, lastModified } = file;
      const unsent = { name, size, lastModified, choice, uploadId: newUploadId(), fraction: 0 };
      return { ...entry({ name, file, choice }), unsent };
    }),
  );
}

/** @param sources addresses that the service can read: https://…, s3://… */
export function enqueueSources(sources: readonly string[], choice: Choice): void {
  add(sources.map((source) => entry({ name: source.replace(/[?#].*$/, ''), source, choice })));
}

type Fingerprint = Pick<File, 'name' | 'size' | 'lastModified'>;

function fileId(file: Fingerprint | undefined): string {
  return JSON.stringify([file?.name, file?.size, file?.lastModified]);
}

function idOf(file: Fingerprint | undefined, { preset, batch }: Choice): string {
  return JSON.stringify([fileId(file), preset, batch]);
}

function entry(given: Pick<Entry, 'name' | 'file' | 'source' | 'choice'>): Entry {
  return { ...given, key: ++count, phase: 'waiting', fraction: 0, step: 'Waiting' };
}

function add(fresh: Entry[]): void {
  replace([...fresh, ...entries]);
  startWaiting();
}

/** Stops an upload, or takes a file out that waits for its turn; the list keeps it. */
export function cancelUpload(key: number): void {
  uploads.get(key)?.abort();
  change(key, { phase: 'failed', step: 'Cancelled', error: undefined });
  startWaiting();
}

/** Sends a file again, or runs its job again. */
export async function retryEntry({ key, jobId }: Entry): Promise<void> {
  if (jobId === undefined) {
    change(key, { phase: 'waiting', fraction: 0, step: 'Waiting', error: undefined });
    return startWaiting();
  }
  await act('job', jobId, 'retry');
  change(key, { phase: 'processing', fraction: 0, step: 'Queued', error: undefined });
  await watch(key, jobId).catch((error: unknown) => fail(key, error));
}

export function removeEntry(key: number): void {
  replace(entries.filter((each) => each.key !== key));
}

export function clearFinished(): void {
  replace(entries.filter(({ phase }) => phase !== 'completed'));
}

export function useEntries(): Entry[] {
  const [, setVersion] = useState(0);
  useEffect(() => {
    const listener = (): void => setVersion((version) => version + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return entries;
}

function startWaiting(): void {
  const free = UPLOADS - entries.filter(({ phase }) => phase === 'uploading').length;
  const waiting = entries.filter(({ phase }) => phase === 'waiting').slice(0, Math.max(0, free));
  for (const each of waiting) {
    change(each.key, { phase: 'uploading', step: 'Uploading' });
    void carry(each);
  }
}

async function carry(given: Entry): Promise<void> {
  const { key, file, choice } = given;
  const stop = new AbortController();
  uploads.set(key, stop);
  try {
    const mismatch = file && mismatchOf(file, choice);
    if (mismatch !== undefined) throw new Error(mismatch);
    const source =
      file === undefined
        ? (given.source ?? '')
        : await upload(
            file,
            given.unsent?.uploadId ?? newUploadId(),
            (fraction) => change(key, { fraction }),
            stop.signal,
          );
    stop.signal.throwIfAborted();
    const jobId = await submit({ source, preset: choice.preset, ...(choice.batch !== '' && { batch: choice.batch }) });
    change(key, { phase: 'processing', fraction: 0, step: 'Queued', jobId });
    startWaiting();
    await watch(key, jobId);
  } catch (error) {
    if (!stop.signal.aborted) fail(key, error);
    startWaiting();
  } finally {
    if (uploads.get(key) === stop) uploads.delete(key);
  }
}

function fail(key: number, error: unknown): void {
  const isAway = error instanceof ApiError && error.status === 0;
  const message = isAway ? NO_SERVICE.sentence : error instanceof Error ? error.message : String(error);
  change(key, { phase: 'failed', step: 'Failed', error: { type: 'Upload', message } });
}

/** A sentence where the preset makes nothing of such a file: said before the bytes are sent. */
function mismatchOf({ type }: File, { preset, kinds }: Choice): string | undefined {
  const kind = type.split('/')[0] as MediaKind;
  if (!['image', 'video', 'audio'].includes(kind) || kinds === undefined) return undefined;
  // A video without pictures is audio, so a preset for audio may take it.
  if (kinds.includes(kind) || (kind === 'video' && kinds.includes('audio'))) return undefined;
  return `The preset “${preset}” is for ${kinds.join(' and ')} only; choose another one.`;
}

async function watch(key: number, jobId: string): Promise<void> {
  for (;;) {
    const job = await getJob(jobId);
    if (!isOpen(job.state)) {
      const done = job.state === 'succeeded';
      return change(key, {
        phase: done ? 'completed' : 'failed',
        fraction: 1,
        step: done ? 'Done' : 'Failed',
        error: job.error,
      });
    }
    const { percent = 0, step = '' } = job.progress ?? {};
    change(key, { fraction: percent / 100, step: step === '' ? 'Queued' : step });
    const looks = entries.filter(({ phase }) => phase === 'processing').length;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS * Math.max(1, Math.ceil(looks / LOOKS))));
  }
}
