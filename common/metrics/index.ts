export { METRICS, type MetricName, type MetricRow } from './table';
export { createMetrics, type Metrics } from './registry';
