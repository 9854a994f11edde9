export { METRICS, type MetricRow } from './table';
export { collectedGauge, createMetrics, type GaugeName, type Metrics } from './registry';
