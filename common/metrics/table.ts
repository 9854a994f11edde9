import { CAMPAIGN_OUTCOMES, CAMPAIGN_PHASES } from '../campaign';
import { OUTCOMES } from '../contracts';

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
  /** What exports it. `queue`: the view into Temporal's queues, in the starter service and in `npm run monitor`. */
  readonly from: 'worker' | 'starter' | 'queue';
}

/** From a thumbnail to a long encode, in seconds. */
const STAGE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** From a warm look at a thumbnail to a task that waits for a worker to be started, in seconds. */
const MODEL_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** The freshness objectives (60 s, 300 s) are bucket bounds, so that they can be read exactly. */
const LATENCY_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21_600];
/** The submit objective (0.3 s) is a bucket bound. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30];

export const METRICS = {
  darkroom_items_completed_total: {
    type: 'counter',
    help: `Items that ended, by kind and outcome (${OUTCOMES.join(', ')})`,
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
    help: 'Time in one stage (fetch, scan, probe, decode, measure, analyse, encode, poster, sprite, package, publish) by format',
    labels: ['stage', 'format'],
    buckets: STAGE_BUCKETS,
    from: 'worker',
  },
  darkroom_models_loaded: {
    type: 'gauge',
    help: 'Whether the worker has the model in memory (1) or not (0)',
    labels: ['model'],
    from: 'worker',
  },
  darkroom_model_loads_total: { type: 'counter', help: 'Models that were loaded', labels: ['model'], from: 'worker' },
  darkroom_model_evictions_total: {
    type: 'counter',
    help: 'Models that were removed from memory to make room for another one',
    labels: ['model'],
    from: 'worker',
  },
  darkroom_model_tasks_total: {
    type: 'counter',
    help: 'Tasks of models, by whether the model was loaded (warm) or the task had to wait for that (cold)',
    labels: ['model', 'state'],
    from: 'worker',
  },
  darkroom_model_load_seconds: {
    type: 'histogram',
    help: 'How long a model took to load',
    labels: ['model'],
    buckets: MODEL_BUCKETS,
    from: 'worker',
  },
  darkroom_model_inference_seconds: {
    type: 'histogram',
    help: 'How long a loaded model took for one picture, decoding included',
    labels: ['model'],
    buckets: MODEL_BUCKETS,
    from: 'worker',
  },
  darkroom_model_wait_seconds: {
    type: 'histogram',
    help: 'How long a task of a model waited, from its scheduling to the begin of its inference: in queues, for other tasks, for the loading',
    labels: ['model'],
    buckets: MODEL_BUCKETS,
    from: 'worker',
  },
  darkroom_model_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of the processes that hold models',
    labels: [],
    from: 'worker',
  },
  darkroom_model_budget_bytes: {
    type: 'gauge',
    help: 'Memory that the models of the worker may have together (DARKROOM_MODEL_MEMORY)',
    labels: [],
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
    help: 'Decoders and encoders that died at work, by reason. crash, timeout and memory count against the input; oom, killed and exit do not',
    labels: ['reason'],
    from: 'worker',
  },
  darkroom_scratch_free_bytes: {
    type: 'gauge',
    help: 'Free room on the disk of the scratch folder',
    labels: [],
    from: 'worker',
  },
  darkroom_scratch_full: {
    type: 'gauge',
    help: '1 while the worker takes no media work, because its scratch disk has too little room or cannot be used, else 0',
    labels: [],
    from: 'worker',
  },
  darkroom_scratch_size_bytes: { type: 'gauge', help: 'Size of that disk', labels: [], from: 'worker' },
  darkroom_memory_limit_bytes: {
    type: 'gauge',
    help: 'Memory that the worker and its children may use: the cgroup limit, else all of the machine',
    labels: [],
    from: 'worker',
  },

  darkroom_backlog_items: {
    type: 'gauge',
    help: 'Tasks that no worker has taken yet. The server forgets the figure after five idle minutes, so look at darkroom_open_workflows too',
    labels: ['queue'],
    from: 'queue',
  },
  darkroom_backlog_age_seconds: {
    type: 'gauge',
    help: 'How long the oldest of those tasks has waited',
    labels: ['queue'],
    from: 'queue',
  },
  darkroom_queue_pollers: {
    type: 'gauge',
    help: 'Workers that asked for work within the last 90 s. One with every slot busy does not ask',
    labels: ['queue'],
    from: 'queue',
  },
  darkroom_queue_add_rate: {
    type: 'gauge',
    help: 'Tasks added per second, averaged by the server over 30 s',
    labels: ['queue'],
    from: 'queue',
  },
  darkroom_queue_dispatch_rate: {
    type: 'gauge',
    help: 'Tasks given to workers per second, averaged by the server over 30 s',
    labels: ['queue'],
    from: 'queue',
  },
  darkroom_open_workflows: {
    type: 'gauge',
    help: 'Items that have not ended: waiting, running, paused or between two attempts',
    labels: ['kind'],
    from: 'queue',
  },
  darkroom_paused_workflows: {
    type: 'gauge',
    help: 'Those of the open items that are paused',
    labels: ['kind'],
    from: 'queue',
  },
  darkroom_temporal_up: {
    type: 'gauge',
    help: '1 when Temporal answered the last look at the queues, else 0; then the other queue metrics are absent',
    labels: [],
    from: 'queue',
  },
  darkroom_maintenance_end_timestamp_seconds: {
    type: 'gauge',
    help: 'When the last cleanup of the maintenance ended, in seconds since 1970; before the first one, when its Schedule was made',
    labels: [],
    from: 'queue',
  },
  darkroom_maintenance_failed_steps: {
    type: 'gauge',
    help: 'Steps of that cleanup that failed; 0 before the first one',
    labels: [],
    from: 'queue',
  },
  darkroom_maintenance_period_seconds: {
    type: 'gauge',
    help: 'Time from one maintenance to the next by the Schedule; absent without one',
    labels: [],
    from: 'queue',
  },
  darkroom_webhook_deliveries_total: {
    type: 'counter',
    help: 'Calls to a callbackUrl, by outcome (ok, retry, gave_up)',
    labels: ['outcome'],
    from: 'worker',
  },
  darkroom_campaigns_total: {
    type: 'counter',
    help: `Campaigns that came to a phase (${CAMPAIGN_PHASES.join(', ')})`,
    labels: ['phase'],
    from: 'worker',
  },
  darkroom_campaign_items_total: {
    type: 'counter',
    help: `Items of campaigns, by what came of them (${CAMPAIGN_OUTCOMES.join(', ')})`,
    labels: ['outcome'],
    from: 'worker',
  },
  darkroom_maintenance_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When this worker last finished a step of the maintenance, in seconds since 1970',
    labels: ['step'],
    from: 'worker',
  },
  darkroom_maintenance_failures_total: {
    type: 'counter',
    help: 'Attempts at a step of the maintenance that failed',
    labels: ['step'],
    from: 'worker',
  },
  http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time to answer a request of the API. Answers that are held for their caller have the route with ?wait; event streams last as long as they are open',
    labels: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
    from: 'starter',
  },
  darkroom_jobs_submitted_total: {
    type: 'counter',
    help: 'Jobs taken in, by kind, preset and where they came from',
    labels: ['kind', 'preset', 'source'],
    from: 'starter',
  },
  darkroom_submit_errors_total: {
    type: 'counter',
    help: 'Jobs refused, by type of the error',
    labels: ['type'],
    from: 'starter',
  },
  darkroom_auth_failures_total: {
    type: 'counter',
    help: 'Requests that were refused for their key: 401 no or a wrong one, 403 one that may not',
    labels: ['status'],
    from: 'starter',
  },
  darkroom_event_streams_open: { type: 'gauge', help: 'Event streams open', labels: [], from: 'starter' },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
