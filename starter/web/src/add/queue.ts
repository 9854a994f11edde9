import { useEffect, useState } from 'preact/hooks';
import { getJob, isOpen, submit, upload, type Failure } from '../api';

/** One chosen file on its way. */
export interface Entry {
  key: number;
  file: File;
  preset: string;
  phase: 'waiting' | 'uploading' | 'processing' | 'completed' | 'failed';
  /** 0–1, of the present phase. */
  fraction: number;
  /** What it does now, in words. */
  step: string;
  jobId?: string;
  error?: Failure;
}

/** Uploads at once: more only share the same line. */
const UPLOADS = 3;
const POLL_MS = 1000;

/** The files of this visit. They outlive a change of the page, so that nobody has to wait and watch. */
let entries: Entry[] = [];
const listeners = new Set<() => void>();
let count = 0;

function change(key: number, part: Partial<Entry>): void {
  entries = entries.map((entry) => (entry.key === key ? { ...entry, ...part } : entry));
  for (const listener of listeners) listener();
}

export function enqueue(files: readonly File[], preset: string): void {
  const fresh = files.map((file): Entry => ({
    key: ++count,
    file,
    preset,
    phase: 'waiting',
    fraction: 0,
    step: 'Waiting',
  }));
  entries = [...fresh, ...entries];
  for (const listener of listeners) listener();
  startWaiting();
}

export function clearEnded(): void {
  entries = entries.filter(({ phase }) => phase !== 'completed' && phase !== 'failed');
  for (const listener of listeners) listener();
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
  for (const entry of waiting) {
    change(entry.key, { phase: 'uploading', step: 'Uploading' });
    void carry(entry);
  }
}

async function carry({ key, file, preset }: Entry): Promise<void> {
  try {
    const source = await upload(file, (fraction) => change(key, { fraction }), new AbortController().signal);
    const jobId = await submit({ source, preset });
    change(key, { phase: 'processing', fraction: 0, step: 'In line', jobId });
    startWaiting();
    await watch(key, jobId);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    change(key, { phase: 'failed', step: 'Failed', error: { type: 'Upload', message } });
    startWaiting();
  }
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
    change(key, { fraction: percent / 100, step: step === '' ? 'In line' : step });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
