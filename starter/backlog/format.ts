import { CAUSES, type Evidence, type Finding } from './types';

/** The report for a terminal: what was measured, then each cause with its evidence and what mends it. */
export function formatBacklog(evidence: Evidence, findings: Finding[]): string {
  const lines = ['Measured', ...measured(evidence).map((line) => `  ${line}`), ''];
  if (findings.length === 0) return [...lines, 'Nothing backs up.'].join('\n');
  for (const { cause, queue, evidence: seen, mend } of findings) {
    lines.push(`${CAUSES[cause]}${queue === undefined ? '' : `: ${queue}`} (${cause})`);
    lines.push(...seen.map((line) => `  - ${line}`), ...mend.map((line) => `  → ${line}`), '');
  }
  return lines.join('\n').trimEnd();
}

function measured({ temporal, queues, strays, open, lookedAt, storage }: Evidence): string[] {
  const { address, error, embedded, latencyMs = 0 } = temporal;
  if (error !== undefined) {
    const note = embedded ? '; npm run start-batch and npm run dev start one' : `: ${error}`;
    return [`Temporal   none answers at ${address}${note}`];
  }
  const width = Math.max(...queues.map(({ name }) => name.length));
  return [
    `Temporal   ${address}, ${Math.round(latencyMs)} ms a request`,
    `Items      ${open} open, ${lookedAt} of them looked at`,
    ...queues.map(
      ({ name, waiting, oldestSeconds, workers, running, dispatchRate }) =>
        `Queue      ${name.padEnd(width)}  ${waiting} waiting${waiting > 0 ? ` (oldest ${Math.round(oldestSeconds)} s)` : ''}, ` +
        `${running} running, ${workers.length} workers, ${dispatchRate.toFixed(1)}/s dispatched`,
    ),
    ...strays.map(({ name, workers }) => `Queue      ${name}  is polled by ${workers.length}, filled by nobody`),
    ...storage.map(
      ({ place, seconds, error: why }) => `Store      ${place}  ${why ?? `${seconds.toFixed(2)} s to list`}`,
    ),
  ];
}
