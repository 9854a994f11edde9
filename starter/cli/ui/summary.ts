import type { ItemFailure } from '../../core/failure';
import type { Tally } from '../../core/intake';
import { MAX_FAILURES, type Ends } from '../../core/summary';
import type { Colours } from './colours';
import { formatBytes, formatCount, formatRate, formatSeconds, printableText } from './format';

/**
 * The result of a submission; with `--json`, these fields are what is printed. Each item is counted once:
 * submitted = completed + failed + cancelled + open + skipped + rejected.
 */
export interface Summary {
  batchId: string;
  /** Items of the input, each once. */
  submitted: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Not ended yet; after waiting, runs that the server does not list any more. */
  open: number;
  /** Published before, from the same source by the same recipe. */
  skipped: number;
  /** Never became an item. */
  rejected: number;
  /** Entries that are the same job as an entry before them, which is counted above. */
  duplicates: number;
  /** Files that are no media, left alone. */
  ignored: number;
  /** Wall time from the first submission to the last result. */
  seconds: number;
  itemsPerSecond: number;
  /** From submit to published; null where nothing completed. */
  latencyMs: { p50: number | null; p95: number | null; p99: number | null };
  bytesIn: number;
  bytesOut: number;
  /** URI prefix. */
  outputs: string;
  /** Of rejected, failed and cancelled items, the first thousand. */
  failures: ItemFailure[];
}

/** What a submission knows when it is over. */
export interface Account {
  batchId: string;
  outputs: string;
  tally: Tally;
  ends: Ends;
  /** Why entries were rejected, the first thousand. */
  refused: ItemFailure[];
  ignored: number;
  startedAt: Date;
}

export function summaryOf({ batchId, outputs, tally, ends, refused, ignored, startedAt }: Account): Summary {
  const seconds = (Date.now() - startedAt.getTime()) / 1000;
  const { started, joined, skipped, rejected, duplicates } = tally;
  const { completed, failed, cancelled, latency, bytesIn, bytesOut, failures } = ends;
  const percentile = (share: number): number | null => {
    const ms = latency.percentile(share);
    return ms === undefined ? null : Math.round(ms);
  };
  return {
    batchId,
    submitted: started + joined + skipped + rejected,
    ...{ completed, failed, cancelled, open: started + joined - completed - failed - cancelled },
    ...{ skipped, rejected, duplicates, ignored },
    seconds: Math.round(seconds * 10) / 10,
    itemsPerSecond: Math.round((completed / Math.max(seconds, 0.001)) * 100) / 100,
    latencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
    ...{ bytesIn, bytesOut, outputs },
    failures: [...refused, ...failures].slice(0, MAX_FAILURES),
  };
}

/** Did every item of the submission end well, as far as the command waited for it? */
export function isGood({ failed, cancelled, rejected, open }: Summary, waited: boolean): boolean {
  return failed + cancelled + rejected + (waited ? open : 0) === 0;
}

export function summaryText(summary: Summary, colours: Colours, waited: boolean): string {
  const { bold, green, red, dim } = colours;
  const row = (name: string, value: string): string => `  ${dim(name.padEnd(9))} ${value}`;
  const { failed, cancelled, rejected, skipped, open, duplicates, ignored, latencyMs } = summary;
  const counted = (count: number, words: string, paint = (text: string) => text): string[] =>
    count === 0 ? [] : [paint(`${formatCount(count)} ${words}`)];
  const counts = waited
    ? [
        green(`${formatCount(summary.completed)} completed`),
        failed > 0 ? red(`${formatCount(failed)} failed`) : '0 failed',
        ...counted(cancelled, 'cancelled', red),
        ...counted(open, 'not listed by Temporal any more', red),
      ]
    : [`${formatCount(open)} submitted`];
  counts.push(...counted(skipped, 'skipped (already done)'), ...counted(rejected, 'rejected', red));
  const lines = [bold(`Batch ${summary.batchId}`), row('items', counts.join(', '))];
  const beside = [
    ...counted(duplicates, 'listed more than once (counted once)'),
    ...counted(ignored, 'files ignored, since they are no media (--all-files submits them)'),
  ];
  if (beside.length > 0) lines.push(row('beside', beside.join(', ')));
  if (waited)
    lines.push(row('time', `${formatSeconds(summary.seconds)}, ${formatRate(summary.itemsPerSecond)} items/s`));
  if (latencyMs.p50 !== null) lines.push(row('latency', latencyText(latencyMs)));
  if (summary.bytesIn > 0) {
    lines.push(row('bytes', `${formatBytes(summary.bytesIn)} in, ${formatBytes(summary.bytesOut)} out`));
  }
  if (summary.outputs !== '') lines.push(row('outputs', printableText(summary.outputs)));
  if (waited) lines.push(row('report', `npm run report -- ${summary.batchId}`));
  return [...lines, ...failureLines(summary.failures, failed + cancelled + rejected, colours)].join('\n');
}

function latencyText({ p50, p95, p99 }: Summary['latencyMs']): string {
  const text = (ms: number | null): string => (ms === null ? '–' : formatSeconds(ms / 1000));
  return `p50 ${text(p50)}, p95 ${text(p95)}, p99 ${text(p99)} from submit to published`;
}

const GROUPS = 10;
const EXAMPLES = 3;

/** Failures with the same reason stand together, the most frequent first. */
export function failureLines(failures: ItemFailure[], all: number, colours: Colours): string[] {
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
    for (const { source, line } of group.slice(0, EXAMPLES)) {
      const where = line === undefined || source.endsWith(`:${line}`) ? '' : ` (line ${line})`;
      lines.push(colours.dim(`      ${printableText(source)}${where}`));
    }
    if (group.length > EXAMPLES) lines.push(colours.dim(`      and ${formatCount(group.length - EXAMPLES)} more`));
  }
  if (sorted.length > GROUPS) lines.push(`  and ${sorted.length - GROUPS} more reasons (--json tells all)`);
  if (all > failures.length) lines.push(`  Only the first ${formatCount(failures.length)} failures are shown.`);
  return lines;
}
