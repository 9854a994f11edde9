/**
 * The one metric table: every metric that Darkroom exports, with its type, unit, labels and meaning. The code, the
 * dashboards, the alert rules and the docs are made from it. Labels have few values: never an id, a URI or a name from
 * a user. Names follow Prometheus: base units (seconds, bytes), counters end in `_total`.
 */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  /** Which process exports it. */
  readonly from: 'worker' | 'starter' | 'both';
}

/** From a thumbnail to a long encode, in seconds. */
const STAGE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** The freshness objectives (60 s, 300 s) are bucket bounds, so that they can be read exactly. */
const LATENCY_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21_600];

export const METRICS = {
  darkroom_items_completed_total: {
    type: 'counter',
    help: 'Items that ended, by kind and outcome (ok, bad_input, failed)',
    labels: ['kind', 'outcome'],
    from: 'worker',
  },
  darkroom_item_latency_seconds: {
    type: 'histogram',
    help: 'From submit to published',
    labels: ['kind', 'mode'],
    buckets: LATENCY_BUCKETS,
    from: 'worker',
  },
  darkroom_stage_duration_seconds: {
    type: 'histogram',
    help: 'Time in one stage (fetch, probe, decode, encode, poster, sprite, publish) by format',
    labels: ['stage', 'format'],
    buckets: STAGE_BUCKETS,
    from: 'worker',
  },
  darkroom_bytes_read_total: { type: 'counter', help: 'Bytes of sources read', labels: ['kind'], from: 'worker' },
  darkroom_bytes_written_total: {
    type: 'counter',
    help: 'Bytes of outputs published',
    labels: ['kind'],
    from: 'worker',
  },
  darkroom_errors_total: {
    type: 'counter',
    help: 'Attempts that failed, by type of the error table',
    labels: ['kind', 'type'],
    from: 'worker',
  },
  darkroom_activity_retries_total: {
    type: 'counter',
    help: 'Attempts after the first one',
    labels: ['activity'],
    from: 'worker',
  },
  darkroom_encode_speed_ratio: {
    type: 'histogram',
    help: 'Seconds of video encoded in one second of wall time',
    labels: ['rung'],
    buckets: [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32],
    from: 'worker',
  },
  darkroom_slots_used: { type: 'gauge', help: 'Activities running now', labels: ['pool'], from: 'worker' },
  darkroom_slots_available: {
    type: 'gauge',
    help: 'Activities that could still start',
    labels: ['pool'],
    from: 'worker',
  },
  darkroom_child_processes: { type: 'gauge', help: 'Image children alive', labels: [], from: 'worker' },
  darkroom_child_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of the image children',
    labels: [],
    from: 'worker',
  },
  darkroom_child_kills_total: {
    type: 'counter',
    help: 'Image children that died while working (crash, timeout, memory)',
    labels: ['reason'],
    from: 'worker',
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
