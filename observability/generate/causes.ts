import type { Severity } from './rule';

/** An alert that names a cause, where a burn rate only says that somebody suffers. */
export interface Cause {
  alert: string;
  severity: Severity;
  /** Holds while the alert should fire; its value goes into the summary. */
  expr: string;
  for: string;
  summary: string;
}

/**
 * Each one has a page in docs/operations/runbooks and three cases in alerts.test.ts. Scaled to zero is healthy: what asks
 * for workers asks for work first.
 */
export const CAUSES: readonly Cause[] = [
  {
    alert: 'WorkersMissing',
    severity: 'page',
    // A worker with every slot busy does not poll, hence the last line.
    expr: `darkroom:backlog_items > 0
and on (queue) darkroom:queue_pollers == 0
unless on (pool) darkroom:slots_used > 0`,
    for: '2m',
    summary: '{{ $value }} tasks wait in {{ $labels.queue }}, and no worker asks for them.',
  },
  {
    alert: 'ItemsWithoutWorkers',
    severity: 'ticket',
    // After five idle minutes the server reads the backlog as zero, although the items are still open.
    expr: `sum(darkroom:open_workflows) > 0
and on () max(darkroom:queue_pollers) == 0
unless on () sum(darkroom:backlog_items) > 0
unless on () sum(darkroom:slots_used) > 0`,
    for: '15m',
    summary: '{{ $value }} items are open, no queue shows a backlog, and no worker is there.',
  },
  {
    alert: 'QueueStuck',
    severity: 'page',
    expr: `darkroom:backlog_items > 0
and on (queue) darkroom:queue_pollers > 0
and on (queue) darkroom:queue_dispatch_rate == 0
unless on (pool) darkroom:slots_used > 0`,
    for: '10m',
    summary: '{{ $value }} tasks wait in {{ $labels.queue }}, workers ask for them, and none is dispatched.',
  },
  {
    alert: 'OldestItemTooOld',
    severity: 'ticket',
    expr: 'darkroom:backlog_age_seconds > 3600 and on (queue) darkroom:backlog_items > 0',
    for: '5m',
    summary: 'The oldest task in {{ $labels.queue }} has waited {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'SlotsExhausted',
    severity: 'ticket',
    // Every batch fills the slots; it is too few of them only when work has waited for long.
    expr: 'darkroom:slots_available <= 0 and on (pool) darkroom:backlog_age_seconds > 300',
    for: '15m',
    summary: 'No {{ $labels.pool }} slot has been free for 15 minutes while work waits longer than 5 minutes.',
  },
  {
    alert: 'RetryStorm',
    severity: 'page',
    expr: `sum(rate(darkroom_activity_retries_total[10m])) > 0.1
and sum(rate(darkroom_activity_retries_total[10m])) > sum(rate(darkroom_items_completed_total[10m]))`,
    for: '10m',
    summary: 'More attempts are repeated ({{ $value | humanize }}/s) than items end: something downstream is away.',
  },
  {
    alert: 'PoisonRate',
    severity: 'ticket',
    expr: 'sum(increase(darkroom_child_kills_total{reason=~"crash|memory|timeout"}[30m])) >= 5',
    for: '1m',
    summary: '{{ $value | humanize }} decoders died within half an hour because of what they read.',
  },
  {
    alert: 'NonDeterminism',
    severity: 'page',
    expr: 'sum(increase(temporal_workflow_task_execution_failed_total{failure_reason="NonDeterminismError"}[10m])) > 0',
    for: '0m',
    summary: 'Workflows cannot be replayed by the code that runs now; they stand still.',
  },
  {
    alert: 'ScratchDiskFull',
    severity: 'page',
    expr: 'darkroom_scratch_free_bytes / darkroom_scratch_size_bytes < 0.1',
    for: '5m',
    summary: 'The scratch disk of {{ $labels.instance }} has {{ $value | humanizePercentage }} left.',
  },
  {
    alert: 'MemoryNearLimit',
    severity: 'ticket',
    expr: `(process_resident_memory_bytes + on (job, instance) darkroom_child_memory_bytes)
/ on (job, instance) darkroom_memory_limit_bytes > 0.9`,
    for: '10m',
    summary: '{{ $labels.instance }} and its image children use {{ $value | humanizePercentage }} of their memory.',
  },
  {
    alert: 'ModelsThrash',
    severity: 'ticket',
    expr: `sum by (model) (increase(darkroom_model_loads_total[15m])) >= 10
and sum by (model) (increase(darkroom_model_loads_total[15m]))
  > 0.5 * sum by (model) (increase(darkroom_model_tasks_total[15m]))`,
    for: '15m',
    summary:
      'The model {{ $labels.model }} was loaded {{ $value | humanize }} times in 15 minutes, for every second task or more.',
  },
  {
    alert: 'EventLoopBlocked',
    severity: 'ticket',
    // Only our processes: other services on Node export the same name.
    expr: `nodejs_eventloop_lag_p99_seconds > 0.5
and on (job, instance) (darkroom_child_processes or darkroom_temporal_up)`,
    for: '10m',
    summary: 'The event loop of {{ $labels.instance }} is late by {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'WebhooksFailing',
    severity: 'ticket',
    expr: `sum(increase(darkroom_webhook_deliveries_total{outcome="gave_up"}[30m])) >= 5
and sum(increase(darkroom_webhook_deliveries_total{outcome="gave_up"}[30m]))
  > 0.05 * sum(increase(darkroom_webhook_deliveries_total{outcome=~"ok|gave_up"}[30m]))`,
    for: '5m',
    summary: '{{ $value | humanize }} webhooks were given up within half an hour.',
  },
  {
    alert: 'MaintenanceFailed',
    severity: 'ticket',
    expr: 'max(darkroom_maintenance_failed_steps) > 0',
    for: '10m',
    summary: '{{ $value }} steps of the last maintenance failed; what they would have removed stays.',
  },
  {
    alert: 'MaintenanceOverdue',
    severity: 'ticket',
    // Two periods: one that was missed, and a long one.
    expr: `time() - max(darkroom_maintenance_end_timestamp_seconds)
> 2 * max(darkroom_maintenance_period_seconds)`,
    for: '10m',
    summary: 'The last maintenance ended {{ $value | humanizeDuration }} ago.',
  },
  {
    alert: 'TemporalUnreachable',
    severity: 'page',
    expr: 'max(darkroom_temporal_up) == 0',
    for: '2m',
    summary: 'Temporal does not answer: nothing is submitted and nothing is handed out.',
  },
  {
    alert: 'MonitoringBlind',
    severity: 'ticket',
    expr: 'absent(darkroom_temporal_up)',
    for: '10m',
    summary: 'Nothing exports the queues, so no other alert about them can fire.',
  },
];
