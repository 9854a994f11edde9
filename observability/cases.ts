/** Series for promtool, one sample a minute for an hour. */
type Series = Record<string, string>;

export interface AlertCases {
  fires: Series;
  /** As near to it as a healthy system comes. */
  quiet: Series;
  /** Scaled to zero after it had every reason to fire. Default: `endingAtZero(fires)`. */
  zero?: Series;
}

/** Minutes of trouble before everything is scaled to zero: more than any alert waits. */
const TROUBLE = 30;

const QUEUE = '{queue="darkroom-image"}';
const UP = { darkroom_temporal_up: '1x60' };
const hour = (series: Series): Series => ({ ...UP, ...series });

/** One starter, no worker, nothing to do: healthy. */
export const SCALED_TO_ZERO: Record<string, string> = {
  darkroom_temporal_up: '1x80',
  ...Object.fromEntries(
    ['image', 'video', 'workflows'].flatMap((pool) =>
      ['backlog_items', 'backlog_age_seconds', 'queue_pollers', 'queue_add_rate', 'queue_dispatch_rate'].map((name) => [
        `darkroom_${name}{queue="darkroom-${pool}"}`,
        '0x80',
      ]),
    ),
  ),
  'darkroom_open_workflows{kind="image"}': '0x80',
  'darkroom_open_workflows{kind="video"}': '0x80',
};

/**
 * A minute-by-minute story of its end: the trouble of `fires`, then the work is done and the last worker is
 * gone. What workers export ends; the queues, which the starter goes on to watch, are empty.
 */
export function endingAtZero(fires: Series, minutes = TROUBLE): Series {
  const trouble = Object.entries(fires).map(([id, values]): [string, string] => {
    return [id, `${values.replace(/x\d+$/, `x${minutes}`)} ${SCALED_TO_ZERO[id] ?? 'stale'}`];
  });
  return { ...SCALED_TO_ZERO, ...Object.fromEntries(trouble) };
}

const polled = (backlog: string, pollers: string, dispatch: string): Record<string, string> => ({
  [`darkroom_backlog_items${QUEUE}`]: backlog,
  [`darkroom_queue_pollers${QUEUE}`]: pollers,
  [`darkroom_queue_dispatch_rate${QUEUE}`]: dispatch,
});

const used = (figure: string): Record<string, string> => ({ 'darkroom_slots_used{pool="image"}': figure });

const retries = (perMinute: number, done: number): Record<string, string> => ({
  'darkroom_activity_retries_total{activity="makeImage"}': `0+${perMinute}x60`,
  'darkroom_items_completed_total{kind="image",outcome="ok"}': `0+${done}x60`,
});

const memory = (bytes: number): Record<string, string> => ({
  'process_resident_memory_bytes{job="w",instance="a"}': `${bytes}x60`,
  'darkroom_child_memory_bytes{job="w",instance="a"}': '500x60',
  'darkroom_memory_limit_bytes{job="w",instance="a"}': '1000x60',
});

const disk = (free: number): Record<string, string> => ({
  'darkroom_scratch_free_bytes{instance="a"}': `${free}x60`,
  'darkroom_scratch_size_bytes{instance="a"}': '100x60',
});

const webhooks = (gaveUp: number, ok: number): Record<string, string> => ({
  'darkroom_webhook_deliveries_total{outcome="gave_up"}': `0+${gaveUp}x60`,
  'darkroom_webhook_deliveries_total{outcome="ok"}': `0+${ok}x60`,
});

/** @param end seconds from the story's begin */
const maintained = (end: number, failed: number): Record<string, string> => ({
  darkroom_maintenance_end_timestamp_seconds: `${end}x60`,
  darkroom_maintenance_failed_steps: `${failed}x60`,
  darkroom_maintenance_period_seconds: '86400x60',
});

const models = (loads: number, tasks: number): Record<string, string> => ({
  'darkroom_model_loads_total{model="text"}': `0+${loads}x60`,
  'darkroom_model_tasks_total{model="text",state="warm"}': `0+${tasks - loads}x60`,
  'darkroom_model_tasks_total{model="text",state="cold"}': `0+${loads}x60`,
});

const lag = 'nodejs_eventloop_lag_p99_seconds{job="w",instance="a"}';
const ours = { 'darkroom_child_processes{job="w",instance="a"}': '2x60' };
const replays = (figure: string, reason: string): Record<string, string> => ({
  [`temporal_workflow_task_execution_failed_total{failure_reason="${reason}"}`]: figure,
});

/** For each cause alert. */
export const CAUSE_CASES: Record<string, AlertCases> = {
  WorkersMissing: {
    fires: hour(polled('50x60', '0x60', '0x60')),
    // Every slot busy with long encodes: nobody polls, and all is well.
    quiet: hour({ ...polled('50x60', '0x60', '0x60'), ...used('2x60') }),
  },
  ItemsWithoutWorkers: {
    fires: hour({ ...polled('0x60', '0x60', '0x60'), 'darkroom_open_workflows{kind="image"}': '7x60' }),
    quiet: hour({ ...polled('0x60', '1x60', '0x60'), 'darkroom_open_workflows{kind="image"}': '7x60' }),
  },
  QueueStuck: {
    fires: hour(polled('50x60', '2x60', '0x60')),
    quiet: hour(polled('50x60', '2x60', '3x60')),
  },
  OldestItemTooOld: {
    fires: hour({ ...polled('50x60', '2x60', '3x60'), [`darkroom_backlog_age_seconds${QUEUE}`]: '3700x60' }),
    quiet: hour({ ...polled('50x60', '2x60', '3x60'), [`darkroom_backlog_age_seconds${QUEUE}`]: '3000x60' }),
  },
  SlotsExhausted: {
    fires: hour({
      [`darkroom_backlog_age_seconds${QUEUE}`]: '400x60',
      'darkroom_slots_available{pool="image"}': '0x60',
    }),
    // A batch that drains: every slot is busy, and nothing waits for long.
    quiet: hour({
      [`darkroom_backlog_age_seconds${QUEUE}`]: '100x60',
      'darkroom_slots_available{pool="image"}': '0x60',
    }),
  },
  ModelsThrash: { fires: hour(models(5, 6)), quiet: hour(models(2, 20)) },
  RetryStorm: { fires: hour(retries(30, 3)), quiet: hour(retries(3, 60)) },
  PoisonRate: {
    fires: hour({ 'darkroom_child_kills_total{reason="memory"}': '0+1x60' }),
    quiet: hour({ 'darkroom_child_kills_total{reason="memory"}': '0 1x60' }),
  },
  NonDeterminism: {
    fires: hour(replays('0+1x60', 'NonDeterminismError')),
    quiet: hour(replays('0+1x60', 'WorkflowError')),
  },
  ScratchDiskFull: { fires: hour(disk(5)), quiet: hour(disk(15)) },
  MemoryNearLimit: { fires: hour(memory(450)), quiet: hour(memory(300)) },
  EventLoopBlocked: { fires: hour({ [lag]: '0.8x60', ...ours }), quiet: hour({ [lag]: '0.8x60' }) },
  MaintenanceFailed: { fires: hour(maintained(0, 1)), quiet: hour(maintained(0, 0)) },
  MaintenanceOverdue: {
    fires: hour(maintained(-49 * 3600, 0)),
    quiet: hour(maintained(-46 * 3600, 0)),
  },
  WebhooksFailing: { fires: hour(webhooks(1, 1)), quiet: hour(webhooks(1, 100)) },
  TemporalUnreachable: { fires: { darkroom_temporal_up: '0x60' }, quiet: hour({}) },
  MonitoringBlind: {
    fires: { up: '1x60' },
    quiet: hour({}),
    zero: { ...SCALED_TO_ZERO, darkroom_temporal_up: `_x${TROUBLE} 1x80` },
  },
};

/** Good and bad events per minute of each objective, as the counters show them. */
export const OBJECTIVE_SERIES: Record<string, (good: number, bad: number, minutes: number) => Record<string, string>> =
  {
    'submit-availability': (good, bad, minutes) => ({
      'http_request_duration_seconds_count{method="POST",route="/v1/batches",status="200"}': `0+${good}x${minutes}`,
      'http_request_duration_seconds_count{method="POST",route="/v1/batches",status="503"}': `0+${bad}x${minutes}`,
    }),
    'submit-latency': (good, bad, minutes) => ({
      ...histogram(
        'http_request_duration_seconds',
        'method="POST",route="/v1/jobs",status="202"',
        '0.3',
        good,
        bad,
        minutes,
      ),
      // Held for its caller, and streamed: late on purpose.
      ...histogram(
        'http_request_duration_seconds',
        'method="POST",route="/v1/jobs?wait",status="200"',
        '0.3',
        0,
        90,
        minutes,
      ),
      ...histogram(
        'http_request_duration_seconds',
        'method="GET",route="/v1/jobs/:id/events",status="200"',
        '0.3',
        0,
        90,
        minutes,
      ),
    }),
    'freshness-image': (good, bad, minutes) =>
      histogram('darkroom_item_latency_seconds', 'kind="image",mode="interactive"', '60', good, bad, minutes),
    'freshness-video': (good, bad, minutes) =>
      histogram('darkroom_item_latency_seconds', 'kind="video",mode="interactive"', '300', good, bad, minutes),
    'freshness-batch': (good, bad, minutes) =>
      histogram('darkroom_item_latency_seconds', 'kind="image",mode="batch"', '300', good, bad, minutes),
    'item-success': (good, bad, minutes) => ({
      'darkroom_items_completed_total{kind="image",outcome="ok"}': `0+${good}x${minutes}`,
      'darkroom_items_completed_total{kind="image",outcome="failed"}': `0+${bad}x${minutes}`,
      // Bad input does not count against us.
      'darkroom_items_completed_total{kind="image",outcome="bad_input"}': `0+${good}x${minutes}`,
    }),
  };

function histogram(
  name: string,
  labels: string,
  le: string,
  good: number,
  bad: number,
  minutes: number,
): Record<string, string> {
  return {
    [`${name}_bucket{${labels},le="${le}"}`]: `0+${good}x${minutes}`,
    [`${name}_count{${labels}}`]: `0+${good + bad}x${minutes}`,
  };
}
