import type { Job } from '../api';
import { duration } from '../lib/format';

interface Step {
  name: string;
  state: 'waiting' | 'running' | 'done' | 'failed';
  attempts: number;
  /** ms */
  took?: number;
}

const WORDS = { waiting: 'waits', running: 'runs', done: 'done', failed: 'failed' } as const;

/** What was done, step by step, with how often it was tried and how long it took. */
export function Timeline({ job }: { job: Job }) {
  const steps = stepsOf(job);
  if (steps.length === 0) return null;
  const most = Math.max(1, ...steps.map(({ took }) => took ?? 0));
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">Steps</h2>
      {job.progress && job.state === 'running' && (
        <progress class="meter" max={100} value={job.progress.percent} aria-label={`${job.progress.percent} % done`} />
      )}
      <ol class="timeline">
        {steps.map((step) => (
          <li key={step.name} class={`step step-${step.state}`}>
            <span class="dot" aria-hidden="true" />
            <span class="step-name">{step.name}</span>
            <span class="share" aria-hidden="true">
              {step.took !== undefined && <span style={{ width: `${Math.max(1, (100 * step.took) / most)}%` }} />}
            </span>
            <span class="step-note">
              {step.took === undefined ? WORDS[step.state] : duration(step.took / 1000)}
              {step.attempts > 1 && <b>, {step.attempts} attempts</b>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The workflow knows the steps and their attempts; the manifest knows how long the parts of the last one took. */
function stepsOf({ progress, manifest }: Job): Step[] {
  const timings = manifest?.timings ?? {};
  const steps: Step[] = (progress?.steps ?? []).map((step) => ({ ...step, took: timings[step.name] }));
  const told = new Set(steps.map(({ name }) => name));
  const parts = Object.entries(timings).filter(([name]) => !told.has(name));
  return [...steps, ...parts.map(([name, took]): Step => ({ name, state: 'done', attempts: 1, took }))];
}
