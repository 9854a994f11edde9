import type { Pipeline } from '../api';
import { count, duration, milliseconds, perMinute, UNKNOWN } from '../lib/format';
import { Stat } from '../parts/bits';

/** The figures of the pipeline as a whole. @param pipeline undefined: not known, and then no figure is shown */
export function Overview({ pipeline }: { pipeline: Pipeline | undefined }) {
  return (
    <dl class="stats">
      <Stat label="Backlog" value={pipeline ? count(pipeline.open) : UNKNOWN} note="items open" />
      <Stat label="Rate" value={pipeline ? perMinute(pipeline.itemsPerSecond) : UNKNOWN} note="items a minute" />
      <Stat label="Time to clear" {...timeToClear(pipeline)} />
      <Stat
        label="Latency"
        value={milliseconds(pipeline?.latencyMs.p50)}
        note={
          pipeline?.latencyMs.p95 === undefined
            ? 'from submit to published'
            : `95 % within ${milliseconds(pipeline.latencyMs.p95)}`
        }
      />
      <Stat label="Failed" {...failures(pipeline)} />
    </dl>
  );
}

function timeToClear(pipeline: Pipeline | undefined): { value: string; note: string } {
  if (pipeline === undefined) return { value: UNKNOWN, note: 'at this rate' };
  const { open, itemsPerSecond } = pipeline;
  if (open === 0) return { value: UNKNOWN, note: 'nothing waits' };
  if (itemsPerSecond === 0) return { value: UNKNOWN, note: 'nothing has completed for a minute' };
  return { value: duration(open / itemsPerSecond), note: 'at this rate' };
}

function failures(pipeline: Pipeline | undefined): { value: string; note: string } {
  if (pipeline === undefined) return { value: UNKNOWN, note: 'in the last hour' };
  const failed = pipeline.minutes.reduce((sum, minute) => sum + minute.failed, 0);
  const ended = failed + pipeline.minutes.reduce((sum, minute) => sum + minute.succeeded, 0);
  if (failed === 0) return { value: count(failed), note: 'in the last hour' };
  return { value: count(failed), note: `${((100 * failed) / ended).toFixed(1)} % of items in the last hour` };
}
