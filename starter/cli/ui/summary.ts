import type { ItemFailure } from '../../core/failure';
import type { Colours } from './colours';
import { formatBytes, formatCount, formatRate, formatSeconds, printableText } from './format';

/** The result of a batch; with `--json`, these fields are what is printed. */
export interface Summary {
  batchId: string;
  /** Items given to Temporal, with those that already ran. */
  submitted: number;
  completed: number;
  failed: number;
  /** Published before, from the same source by the same recipe. */
  skipped: number;
  /** Wall time from the first submission to the last result. */
  seconds: number;
  itemsPerSecond: number;
  /** From submit to published; null where nothing completed. */
  latencyMs: { p50: number | null; p95: number | null; p99: number | null };
  bytesIn: number;
  bytesOut: number;
  /** URI prefix. */
  outputs: string;
  /** The first thousand. */
  failures: ItemFailure[];
}

export function summaryText(summary: Summary, colours: Colours, waited: boolean): string {
  const { bold, green, red, dim } = colours;
  const row = (name: string, value: string): string => `  ${dim(name.padEnd(9))} ${value}`;
  const { failed, completed, skipped, submitted, latencyMs } = summary;
  const lines = [bold(`Batch ${summary.batchId}`)];
  if (waited) {
    const counts = [
      green(`${formatCount(completed)} completed`),
      failed > 0 ? red(`${formatCount(failed)} failed`) : '0 failed',
    ];
    if (skipped > 0) counts.push(`${formatCount(skipped)} skipped (already done)`);
    lines.push(row('items', counts.join(', ')));
    lines.push(row('time', `${formatSeconds(summary.seconds)}, ${formatRate(summary.itemsPerSecond)} items/s`));
  } else {
    lines.push(
      row(
        'items',
        `${formatCount(submitted)} submitted, ${formatCount(skipped)} skipped, ${formatCount(failed)} refused`,
      ),
    );
  }
  if (latencyMs.p50 !== null) lines.push(row('latency', latencyText(latencyMs)));
  if (summary.bytesIn > 0) {
    lines.push(row('bytes', `${formatBytes(summary.bytesIn)} in, ${formatBytes(summary.bytesOut)} out`));
  }
  if (summary.outputs !== '') lines.push(row('outputs', printableText(summary.outputs)));
  if (waited) lines.push(row('report', `npm run report -- ${summary.batchId}`));
  return [...lines, ...failureLines(summary, colours)].join('\n');
}

function latencyText({ p50, p95, p99 }: Summary['latencyMs']): string {
  const text = (ms: number | null): string => (ms === null ? '–' : formatSeconds(ms / 1000));
  return `p50 ${text(p50)}, p95 ${text(p95)}, p99 ${text(p99)} from submit to published`;
}

const GROUPS = 10;
const EXAMPLES = 3;

/** Failures with the same reason stand together, the most frequent first. */
export function failureLines({ failures, failed }: Pick<Summary, 'failures' | 'failed'>, colours: Colours): string[] {
  if (failures.length === 0) return [];
  const groups = new Map<string, ItemFailure[]>();
  for (const failure of failures) {
    // Many sentences name their file, which would make each a group of its own.
    const reason = `${failure.type}: ${failure.message.replaceAll(failure.source, 'the file')}`;
    const group = groups.get(reason);
    if (group) group.push(failure);
    else groups.set(reason, [failure]);
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const lines = ['', colours.bold('Failures')];
  for (const [reason, group] of sorted.slice(0, GROUPS)) {
    lines.push(`  ${colours.red(formatCount(group.length))} x ${printableText(reason)}`);
    for (const { source } of group.slice(0, EXAMPLES)) lines.push(colours.dim(`      ${printableText(source)}`));
    if (group.length > EXAMPLES) lines.push(colours.dim(`      and ${formatCount(group.length - EXAMPLES)} more`));
  }
  if (sorted.length > GROUPS) lines.push(`  and ${sorted.length - GROUPS} more reasons (--json tells all)`);
  if (failed > failures.length) lines.push(`  Only the first ${formatCount(failures.length)} failures are told.`);
  return lines;
}
