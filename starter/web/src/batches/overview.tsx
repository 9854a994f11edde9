import type { Batch, Throughput } from '../api';
import { count, duration } from '../lib/format';
import { Stat } from '../parts/bits';
import { milliseconds } from './table';

/** The figures of the pipeline as a whole. */
export function Overview({ batches, minutes }: { batches: Batch[]; minutes: Throughput['minutes'] }) {
  const open = batches.reduce((sum, batch) => sum + batch.open, 0);
  const rate = 60 * batches.reduce((sum, batch) => sum + (batch.open > 0 ? batch.itemsPerSecond : 0), 0);
  const [succeeded, failed] = [total(minutes, 'succeeded'), total(minutes, 'failed')];
  const busiest =
    batches.find(({ open: left, latencyMs }) => left > 0 && latencyMs.p50) ??
    batches.find(({ latencyMs }) => latencyMs.p50);
  const failedShare =
    succeeded + failed === 0 ? undefined : `${((100 * failed) / (succeeded + failed)).toFixed(1)} % of the last hour`;
  return (
    <dl class="stats">
      <Stat label="Backlog" value={count(open)} note="items open" />
      <Stat label="Rate" value={rate === 0 || rate >= 10 ? count(rate) : rate.toFixed(1)} note="items a minute" />
      <Stat
        label="Time to clear"
        value={open === 0 ? '—' : rate > 0 ? duration((60 * open) / rate) : '…'}
        note={open === 0 ? 'nothing waits' : 'at this rate'}
      />
      <Stat
        label="Latency"
        value={milliseconds(busiest?.latencyMs.p50)}
        note={busiest ? `95 % within ${milliseconds(busiest.latencyMs.p95)}` : 'submit to published'}
      />
      <Stat label="Failed" value={count(failed)} note={failedShare ?? 'of the last hour'} />
    </dl>
  );
}

function total(minutes: Throughput['minutes'], key: 'succeeded' | 'failed'): number {
  return minutes.reduce((sum, minute) => sum + minute[key], 0);
}
