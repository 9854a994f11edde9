import type { RecordingRule, RuleFile } from './rule';

/** Several starters and `npm run monitor` export the same queues: one figure for each, with the pool that serves it. */
function queueFigure(name: string): RecordingRule {
  return {
    record: `darkroom:${name}`,
    expr: `label_replace(max by (queue) (darkroom_${name}), "pool", "$1", "queue", ".*-(.+)")`,
  };
}

/** What alerts and dashboards build on, and the names that other teams' dashboards already use. */
export function recordingRules(): RuleFile {
  return {
    groups: [
      {
        name: 'darkroom-figures',
        rules: [
          ...['backlog_items', 'backlog_age_seconds', 'queue_pollers', 'queue_add_rate', 'queue_dispatch_rate'].map(
            queueFigure,
          ),
          { record: 'darkroom:open_workflows', expr: 'max by (kind) (darkroom_open_workflows)' },
          { record: 'darkroom:slots_used', expr: 'sum by (pool) (darkroom_slots_used)' },
          { record: 'darkroom:slots_available', expr: 'sum by (pool) (darkroom_slots_available)' },
          {
            record: 'darkroom:items_completed:rate5m',
            expr: 'sum by (kind) (rate(darkroom_items_completed_total[5m]))',
          },
        ],
      },
      { name: 'darkroom-messages', rules: messages() },
    ],
  };
}

/**
 * The names that other teams' dashboards already use. Sums keep job and instance, so that `rate` still sees a restart as
 * one. `start-batch` ends before anybody could scrape it, so what it submits to Temporal itself is nowhere counted as
 * produced; what it submits by `--api` is.
 */
export function messages(): RecordingRule[] {
  const sum = (labels: string, metric: string): string => `sum by (job, instance, ${labels}) (${metric})`;
  const latency = 'temporal_activity_execution_latency_seconds';
  return [
    {
      record: 'messages_produced_total',
      help: 'Jobs that the starter service took in, from callers and from its queue of jobs. Without those that `start-batch` submits to Temporal itself, so produced less consumed is no backlog: darkroom:open_workflows is',
      expr: sum('kind', 'darkroom_jobs_submitted_total'),
    },
    {
      record: 'messages_consumed_total',
      help: 'Items that ended, whoever submitted them and however they ended',
      expr: sum('kind', 'darkroom_items_completed_total'),
    },
    ...(
      [
        ['_bucket', 'activity_type, le'],
        ['_sum', 'activity_type'],
        ['_count', 'activity_type'],
      ] as const
    ).map(([part, labels]) => ({
      record: `message_processing_duration_seconds${part}`,
      ...(part === '_bucket' && { help: 'One attempt of one activity, good or bad' }),
      expr: sum(labels, `${latency}${part}`),
    })),
    {
      record: 'message_processing_errors_total',
      help: 'Attempts that failed; one that is repeated and then succeeds counts too',
      expr: sum('kind, type', 'darkroom_errors_total'),
    },
  ];
}
