import { isOpen, listSteps, type Job, type Step } from '../api';
import { duration } from '../lib/format';
import { usePoll } from '../lib/poll';

const WORDS = {
  waiting: 'waiting',
  running: 'running',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<Step['state'], string>;

/** What was done, step by step: when it waited, when it ran, how often it was tried. */
export function Timeline({ job }: { job: Job }) {
  // Once more after the end, and then no more.
  const open = isOpen(job.state);
  const { data: steps } = usePoll(
    `steps ${job.id} ${job.state} ${job.startedAt}`,
    (signal) => listSteps(job.id, signal),
    open ? 2000 : 0,
  );
  if (!steps || steps.length === 0) return null;
  const begin = Date.parse(job.startedAt);
  const end = Math.max(job.closedAt ? Date.parse(job.closedAt) : Date.now(), begin + 1);
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">Steps</h2>
      {open && job.progress && (
        <progress class="meter" max={100} value={job.progress.percent} aria-label={`${job.progress.percent} % done`} />
      )}
      <ol class="timeline">
        {steps.map((step) => (
          <li key={step.name} class={`step step-${step.state}`}>
            <span class="dot" aria-hidden="true" />
            <span class="step-name">{step.name}</span>
            <Span step={step} begin={begin} end={end} />
            <span class="step-note">{noteOf(step)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Pale while it waited for a worker, full while it ran. */
function Span({ step, begin, end }: { step: Step; begin: number; end: number }) {
  const at = (iso: string | undefined): number => (100 * ((iso ? Date.parse(iso) : end) - begin)) / (end - begin);
  // A step that was cancelled while it waited never ran.
  const [queued, started, ended] = [at(step.scheduledAt), at(step.startedAt ?? step.endedAt), at(step.endedAt)];
  return (
    <span class="span" aria-hidden="true">
      <span class="span-wait" style={{ left: `${queued}%`, width: `${Math.max(0, started - queued)}%` }} />
      <span class="span-run" style={{ left: `${started}%`, width: `${Math.max(0, ended - started)}%` }} />
    </span>
  );
}

function noteOf({ state, attempts, scheduledAt, startedAt, endedAt }: Step): string {
  const waited = startedAt ? (Date.parse(startedAt) - Date.parse(scheduledAt)) / 1000 : 0;
  const parts = [
    startedAt && endedAt ? duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000) : WORDS[state],
    startedAt && endedAt && state !== 'done' ? WORDS[state] : undefined,
    waited >= 1 ? `waited ${duration(waited)}` : undefined,
    attempts > 1 ? `${attempts} attempts` : undefined,
  ];
  return parts.filter(Boolean).join(', ');
}
