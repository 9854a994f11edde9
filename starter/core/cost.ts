import type { Client } from '@temporalio/client';
import { filterQuery, type RunFilter } from '../../temporal/batches/filter';
import { quoted } from '../../temporal/batches/query';
import { attribute, memoNumber, pageOfRuns, type Run } from '../../temporal/batches/runs';

/** What costs can be summed by: where a run says it. */
const FIELDS = {
  tenant: (run: Run) => attribute(run, 'MediaTenant'),
  preset: (run: Run) => attribute(run, 'MediaPreset'),
  kind: (run: Run) => attribute(run, 'MediaKind'),
  batch: (run: Run) => attribute(run, 'MediaBatchId'),
  day: (run: Run) => (run.closeTime ?? run.startTime).toISOString().slice(0, 10),
} as const;
export type CostField = keyof typeof FIELDS;
export const COST_FIELDS = Object.keys(FIELDS) as CostField[];

export interface Cost {
  /** Runs that completed; an item that was made twice counts twice. */
  items: number;
  bytesIn: number;
  bytesOut: number;
  /** Of the programs that made the outputs, in the attempts that succeeded. */
  cpuSeconds: number;
  /** Runs among them that say nothing of CPU seconds: made before there were receipts, or where the system does not count. */
  unknown: number;
}

export interface Costs {
  /** The dearest first. */
  groups: (Cost & { group: Partial<Record<CostField, string>> })[];
  total: Cost;
  /** False where there were more runs than could be looked at: the sums are of those that ended last. */
  complete: boolean;
}

export interface CostOptions extends Pick<RunFilter, 'tenant' | 'preset' | 'batch'> {
  by: readonly CostField[];
  /** Runs that ended at this time or later. */
  since?: Date;
  /** Runs to look at, at most. */
  most?: number;
  /** ms after which no further page is asked for. */
  forMs?: number;
  /** Called with the runs summed so far. */
  onProgress?: (runs: number) => void;
  signal?: AbortSignal;
}

/** Runs of one request to the server. */
const PAGE = 1000;

/**
 * Sums what completed runs cost, from the memos that the server's lists carry: no manifest and no history is read. The server
 * keeps closed runs for the retention of its namespace.
 */
export async function sumCosts(client: Client, options: CostOptions): Promise<Costs> {
  const { by, since, tenant, preset, batch, most = Infinity, forMs = Infinity, onProgress, signal } = options;
  const completed = filterQuery({ tenant, preset, batch, state: 'succeeded' });
  const query = since === undefined ? completed : `${completed} AND CloseTime >= ${quoted(since.toISOString())}`;
  const end = performance.now() + forMs;
  const groups = new Map<string, Costs['groups'][number]>();
  const total = nothing();
  let cursor: string | undefined;
  do {
    signal?.throwIfAborted();
    const page = await pageOfRuns(client, query, Math.min(PAGE, most - total.items), cursor);
    for (const run of page.runs) {
      const values = by.map((field) => FIELDS[field](run));
      const key = JSON.stringify(values);
      const row = groups.get(key) ?? { group: Object.fromEntries(by.map((f, i) => [f, values[i]])), ...nothing() };
      groups.set(key, row);
      for (const sums of [row, total]) add(sums, run);
    }
    onProgress?.(total.items);
    cursor = page.next;
  } while (cursor !== undefined && total.items < most && performance.now() < end);
  for (const sums of [...groups.values(), total]) sums.cpuSeconds = Math.round(sums.cpuSeconds * 100) / 100;
  const sorted = [...groups.values()].sort((a, b) => b.cpuSeconds - a.cpuSeconds || b.items - a.items);
  return { groups: sorted, total, complete: cursor === undefined };
}

function nothing(): Cost {
  return { items: 0, bytesIn: 0, bytesOut: 0, cpuSeconds: 0, unknown: 0 };
}

function add(sums: Cost, run: Run): void {
  const cpuSeconds = memoNumber(run, 'cpuSeconds');
  sums.items++;
  sums.bytesIn += memoNumber(run, 'bytesIn') ?? 0;
  sums.bytesOut += memoNumber(run, 'bytesOut') ?? 0;
  sums.cpuSeconds += cpuSeconds ?? 0;
  if (cpuSeconds === undefined) sums.unknown++;
}

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** `30d`, `12h`, `90m`, `2w` before now, or a date. Undefined: neither. */
export function timeOf(text: string, now = Date.now()): Date | undefined {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * UNITS[unit as keyof typeof UNITS]);
  const time = /^\d{4}-\d\d-\d\d(T|$)/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}
