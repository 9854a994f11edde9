import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricName, type MetricRow } from './table';

type Table = typeof METRICS;
type Label<N extends MetricName> = Table[N]['labels'][number];
type Instrument<N extends MetricName> = Table[N]['type'] extends 'counter'
  ? Counter<Label<N>>
  : Table[N]['type'] extends 'gauge'
    ? Gauge<Label<N>>
    : Histogram<Label<N>>;

/** Every metric of one process, typed by the table: `metrics.darkroom_bytes_read_total.inc({ kind }, bytes)`. */
export type Metrics = { [N in MetricName]: Instrument<N> } & { registry: Registry };

/** Names of the gauges in the table. */
export type GaugeName = { [N in MetricName]: Table[N]['type'] extends 'gauge' ? N : never }[MetricName];

/** Makes the metrics that `role` exports, and Node's own (event-loop lag, memory, garbage collection). */
export function createMetrics(role: 'worker' | 'starter'): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const instruments: Record<string, unknown> = { registry };
  for (const [name, row] of Object.entries(METRICS) as [MetricName, MetricRow][]) {
    // A process that does not export a metric still has the instrument, unregistered, so that shared code may use it.
    const options = optionsOf(name, row.from === role ? [registry] : []);
    if (row.type === 'counter') instruments[name] = new Counter(options);
    else if (row.type === 'gauge') instruments[name] = new Gauge(options);
    else instruments[name] = new Histogram({ ...options, buckets: [...(row.buckets ?? [])] });
  }
  return instruments as Metrics;
}

/** A gauge of the table that is filled when somebody looks: `collect` runs before each scrape of `registry`. */
export function collectedGauge<N extends GaugeName>(
  name: N,
  registry: Registry,
  collect: () => Promise<void>,
): Gauge<Label<N>> {
  return new Gauge({ ...optionsOf(name, [registry]), collect });
}

function optionsOf(name: MetricName, registers: Registry[]) {
  const row: MetricRow = METRICS[name];
  return { name, help: row.help, labelNames: [...row.labels], registers };
}
