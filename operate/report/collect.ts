import type { Client } from '@temporalio/client';
import { DEFAULT_KIND, kindOfWorkflow, MEDIA_KINDS, type MediaKind } from '../../common/kinds';
import { failureOf } from '../../starter/core/failure';
import { Histogram } from '../../starter/core/lib/histogram';
import { forEachBounded } from '../../common/for-each-bounded';
import { batchQuery } from '../../temporal/batches/query';
import { sourceOf } from '../../starter/core/summary';
import { latestOnly, memoNumber, stateOf, type Run } from '../../temporal/batches/runs';
import { Timeline, type Point } from './timeline';

const PAGE = 1000;
/** Failures that are read; more are only counted. */
const MAX_FAILURES = 500;
const EXAMPLES = 5;
const SLOWEST = 15;
/** Histories read at once. */
const CONCURRENCY = 16;

/** One run, as a row of a table. */
export interface ReportItem {
  workflowId: string;
  runId: string;
  source: string;
  kind: MediaKind;
  /** From submit to its end. */
  ms: number;
}

export interface FailureGroup {
  type: string;
  count: number;
  examples: (ReportItem & { message: string })[];
}

/** A batch as the report shows it. */
export interface BatchReport {
  batchId: string;
  /** ms since 1970: first submission, last result (or now, while some are open). */
  from: number;
  to: number;
  succeeded: number;
  /** Items whose last run failed. */
  failed: number;
  cancelled: number;
  open: number;
  /** Runs that failed and were done again since. */
  mended: number;
  kinds: Record<MediaKind, number>;
  bytesIn: number;
  bytesOut: number;
  /** ms from submit to published. */
  latency: Histogram;
  points: Point[];
  /** Length of a point, ms. */
  widthMs: number;
  slowest: ReportItem[];
  failures: FailureGroup[];
  /** Failures that were not read. */
  unread: number;
}

/** Reads every run of a batch page by page; memory does not grow with their number. Undefined: no such batch. */
export async function collectReport(
  client: Client,
  batchId: string,
  now = Date.now(),
): Promise<BatchReport | undefined> {
  const timeline = new Timeline();
  const report: BatchReport = {
    ...{ batchId, from: Infinity, to: 0, succeeded: 0, failed: 0, cancelled: 0, open: 0, mended: 0 },
    ...{
      kinds: Object.fromEntries(MEDIA_KINDS.map((kind) => [kind, 0])) as Record<MediaKind, number>,
      bytesIn: 0,
      bytesOut: 0,
      latency: new Histogram(),
      points: [],
      widthMs: 0,
    },
    ...{ slowest: [], failures: [], unread: 0 },
  };
  const failed: Run[] = [];
  for await (const run of client.workflow.list({ query: batchQuery(batchId), pageSize: PAGE })) {
    const item = itemOf(run, now);
    const end = run.startTime.getTime() + item.ms;
    report.from = Math.min(report.from, run.startTime.getTime());
    report.to = Math.max(report.to, end);
    timeline.started(run.startTime.getTime());
    const state = stateOf(run);
    if (state === 'open') report.open++;
    else if (state === 'succeeded') {
      report.succeeded++;
      report.kinds[item.kind]++;
      report.bytesIn += memoNumber(run, 'bytesIn') ?? 0;
      report.bytesOut += memoNumber(run, 'bytesOut') ?? 0;
      report.latency.add(item.ms);
      timeline.succeeded(end, item.ms);
      keepSlowest(report.slowest, item);
    } else {
      timeline.failed(end);
      if (state === 'cancelled') report.cancelled++;
      else if (failed.length < MAX_FAILURES) failed.push(run);
      else report.unread++;
    }
  }
  if (report.to === 0) return undefined;
  const unmended = await latestOnly(client, batchQuery(batchId), failed);
  report.mended = failed.length - unmended.length;
  report.failed = unmended.length + report.unread;
  report.failures = await groupFailures(client, unmended, now);
  return { ...report, points: timeline.points(), widthMs: timeline.widthMs };
}

function itemOf(run: Run, now: number): ReportItem {
  const { workflowId, runId, startTime, closeTime, type } = run;
  return {
    ...{ workflowId, runId, source: sourceOf(run) },
    kind: kindOfWorkflow(type) ?? DEFAULT_KIND,
    ms: (closeTime?.getTime() ?? now) - startTime.getTime(),
  };
}

function keepSlowest(slowest: ReportItem[], item: ReportItem): void {
  const last = slowest[SLOWEST - 1];
  if (last !== undefined && last.ms >= item.ms) return;
  slowest.push(item);
  slowest.sort((a, b) => b.ms - a.ms);
  slowest.length = Math.min(slowest.length, SLOWEST);
}

/** The most frequent first. */
async function groupFailures(client: Client, runs: Run[], now: number): Promise<FailureGroup[]> {
  const groups = new Map<string, FailureGroup>();
  await forEachBounded(runs, CONCURRENCY, async (run) => {
    const { type, message } = await failureOf(client, run.workflowId, run.runId);
    const group = groups.get(type) ?? { type, count: 0, examples: [] };
    groups.set(type, group);
    if (++group.count <= EXAMPLES) group.examples.push({ ...itemOf(run, now), message });
  });
  return [...groups.values()].sort((a, b) => b.count - a.count);
}
