import type { Client } from '@temporalio/client';
import { forEachBounded } from '../../../common/for-each-bounded';
import { quoted } from '../../../temporal/batches/query';
import { inState, pageOfRuns } from '../../../temporal/batches/runs';
import { percentiles, rateOf, SAMPLE, type Percentiles } from './rate';

const MINUTE_MS = 60_000;
/** Visibility is behind by up to some seconds: a minute younger than this is asked about again. */
const SETTLED_MS = 15_000;
const CONCURRENCY = 6;
/** Minutes that are asked about together first: most of a quiet day has nothing to count. */
const TOGETHER = 15;
/** Whoever looks within this time shares a look, ms. */
const FRESH_MS = 2_000;
const MAX_TENANTS = 200;

/** What happened in one minute of the clock. */
export interface MinuteView {
  /** ISO 8601, its begin. */
  at: string;
  succeeded: number;
  failed: number;
  /** Items open at its end. */
  backlog: number;
}

/** The pipeline as a whole, or a tenant's share of it. */
export interface PipelineView {
  /** Oldest first; the last one is under way. */
  minutes: MinuteView[];
  /** Items open now. */
  open: number;
  /** Items completed a second, over the last minute. */
  itemsPerSecond: number;
  /** From submit to published, of the last `sample` items. */
  latencyMs: Percentiles;
}

interface Counted {
  started: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

interface Tenant {
  minutes: Map<number, Counted>;
  look?: { at: number; key: number; answer: Promise<PipelineView> };
}

/**
 * The last minutes of the whole pipeline, from counts of the server's visibility store. Nothing is kept that another
 * replica would miss: minutes that are over do not change, so their counts are remembered to ask less.
 */
export class ThroughputView {
  private readonly tenants = new Map<string | undefined, Tenant>();
  constructor(private readonly client: Client) {}

  /** @param minutes how many */
  last(minutes: number, tenantName: string | undefined): Promise<PipelineView> {
    const tenant = this.tenants.get(tenantName) ?? { minutes: new Map<number, Counted>() };
    if (this.tenants.size >= MAX_TENANTS) this.tenants.clear();
    this.tenants.set(tenantName, tenant);
    const now = Date.now();
    if (tenant.look === undefined || tenant.look.key !== minutes || now - tenant.look.at > FRESH_MS) {
      tenant.look = { at: now, key: minutes, answer: this.look(minutes, tenantName, tenant.minutes, now) };
    }
    return tenant.look.answer;
  }

  private async look(
    minutes: number,
    tenant: string | undefined,
    known: Map<number, Counted>,
    now: number,
  ): Promise<PipelineView> {
    const ours = tenant === undefined ? 'MediaBatchId IS NOT NULL' : `MediaTenant = ${quoted(tenant)}`;
    const newest = Math.floor(now / MINUTE_MS) * MINUTE_MS;
    const begins = Array.from({ length: minutes }, (_, index) => newest - (minutes - 1 - index) * MINUTE_MS);
    for (const begin of known.keys()) if (begin < (begins[0] ?? 0)) known.delete(begin);
    const counted = new Map<number, Counted>(known);
    const open = this.count(inState(ours, 'open'));
    const completed = pageOfRuns(this.client, inState(ours, 'succeeded'), SAMPLE);
    const keep = (begin: number, entry: Counted): void => {
      counted.set(begin, entry);
      if (begin + MINUTE_MS + SETTLED_MS < now) known.set(begin, entry);
    };
    const asked: number[] = [];
    await forEachBounded(inRows(begins.filter((begin) => !known.has(begin))), CONCURRENCY, async (row) => {
      if (row.length > 1 && isNothing(await this.countSpan(ours, row[0] ?? 0, row.length))) {
        for (const begin of row) keep(begin, NOTHING);
      } else asked.push(...row);
    });
    await forEachBounded(asked, CONCURRENCY, async (begin) => keep(begin, await this.countSpan(ours, begin, 1)));
    const { runs } = await completed;
    return {
      minutes: withBacklog(
        begins.map((begin) => ({ begin, ...(counted.get(begin) ?? NOTHING) })),
        await open,
      ),
      open: await open,
      itemsPerSecond: rateOf(runs, now),
      latencyMs: percentiles(runs),
    };
  }

  private async countSpan(ours: string, begin: number, minutes: number): Promise<Counted> {
    const [from, to] = [begin, begin + minutes * MINUTE_MS].map((time) => quoted(new Date(time).toISOString()));
    const within = (name: string): string => `${name} >= ${from} AND ${name} < ${to}`;
    const [started, ended] = await Promise.all([
      this.count(`${ours} AND ${within('StartTime')}`),
      this.client.workflow.count(`${ours} AND ${within('CloseTime')} GROUP BY ExecutionStatus`),
    ]);
    const result = { ...NOTHING, started };
    for (const { count, groupValues } of ended.groups) {
      const status = String(groupValues[0]);
      if (status === 'Completed') result.succeeded += count;
      else if (status === 'Canceled') result.cancelled += count;
      else result.failed += count;
    }
    return result;
  }

  private async count(query: string): Promise<number> {
    return (await this.client.workflow.count(query)).count;
  }
}

const NOTHING: Counted = { started: 0, succeeded: 0, failed: 0, cancelled: 0 };

function isNothing({ started, succeeded, failed, cancelled }: Counted): boolean {
  return started + succeeded + failed + cancelled === 0;
}

/** Minutes that follow each other, so many together at most. */
function inRows(begins: number[]): number[][] {
  const rows: number[][] = [];
  for (const begin of begins) {
    const last = rows.at(-1);
    if (last !== undefined && last.length < TOGETHER && begin === (last.at(-1) ?? 0) + MINUTE_MS) last.push(begin);
    else rows.push([begin]);
  }
  return rows;
}

/** From what is open now, back in time: what ended after a minute was open at its end, what started after was not. */
export function withBacklog(minutes: (Counted & { begin: number })[], openNow: number): MinuteView[] {
  let backlog = openNow;
  const views: MinuteView[] = [];
  for (const { begin, started, succeeded, failed, cancelled } of [...minutes].reverse()) {
    views.push({ at: new Date(begin).toISOString(), succeeded, failed, backlog });
    // Counts of one look are a second apart, so the sum may be off by a few.
    backlog = Math.max(0, backlog + succeeded + failed + cancelled - started);
  }
  return views.reverse();
}
