import { getMaintenance, type MaintenanceRun, type MaintenanceStep } from '../api';
import { bytes, count, duration, moment, UNKNOWN } from '../lib/format';
import { usePoll } from '../lib/poll';

const REFRESH_MS = 30_000;

/** The last runs of the maintenance, folded: its heading says how the last one went. The page says when Temporal is away. */
export function Maintenance() {
  const { data } = usePoll('maintenance', getMaintenance, REFRESH_MS);
  if (data === undefined) return null;
  return (
    <details class="upkeep">
      <summary>
        <h2>Maintenance</h2>
        <span>{headline(data.runs[0], data.nextAt)}</span>
      </summary>
      {data.runs.length > 0 && <Runs runs={data.runs} />}
      <p>
        <code>npm run maintenance</code> counts what is not needed any more; with <code>-- --cleanup</code> it removes
        it.
      </p>
    </details>
  );
}

function headline(last: MaintenanceRun | undefined, nextAt: string | undefined): string {
  const next = nextAt === undefined ? 'none is planned' : `next ${moment(nextAt)}`;
  if (last === undefined) return `no run yet, ${next}`;
  return `${moment(last.startedAt)}: ${outcome(last)}, ${next}`;
}

function outcome({ endedAt, steps }: MaintenanceRun): string {
  if (steps === undefined) return endedAt === undefined ? 'running' : 'stopped';
  const failed = steps.filter(({ error }) => error !== undefined).length;
  if (failed > 0) return failed === 1 ? '1 step failed' : `${failed} steps failed`;
  return `${count(sum(steps, 'removed'))} removed`;
}

function Runs({ runs }: { runs: MaintenanceRun[] }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Steps</th>
            <th scope="col" class="number optional">
              Found
            </th>
            <th scope="col" class="number">
              Removed
            </th>
            <th scope="col" class="number">
              Size
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.startedAt} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunRow({ run }: { run: MaintenanceRun }) {
  const { startedAt, endedAt, cleanup, steps } = run;
  const seconds = endedAt === undefined ? undefined : (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  const kind = cleanup === undefined ? outcome(run) : cleanup ? 'cleanup' : 'dry run';
  return (
    <tr>
      <th scope="row">
        {moment(startedAt)}
        <small>{seconds === undefined ? kind : `${kind}, ${duration(seconds)}`}</small>
      </th>
      <td class="steps">
        {steps?.map((step) => (
          <StepLine key={step.step} step={step} />
        ))}
      </td>
      <td class="number optional">{steps ? count(sum(steps, 'found')) : UNKNOWN}</td>
      <td class="number">{steps ? count(sum(steps, 'removed')) : UNKNOWN}</td>
      <td class="number">{steps ? bytes(sum(steps, 'bytes')) : UNKNOWN}</td>
    </tr>
  );
}

/** A step is named with what there is to say of it; those that found nothing are not. */
function StepLine({ step: { step, found, removed, note, error } }: { step: MaintenanceStep }) {
  if (error !== undefined) {
    return (
      <p class="is-bad">
        {step} failed: {error}
      </p>
    );
  }
  if (found === 0 && note === undefined) return null;
  return (
    <p>
      {step}: {count(removed)} of {count(found)} removed. {note}
    </p>
  );
}

function sum(steps: MaintenanceStep[], field: 'found' | 'removed' | 'bytes'): number {
  return steps.reduce((total, step) => total + step[field], 0);
}
