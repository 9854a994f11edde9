import type { DashboardSpec } from './panel';

/** Rate, errors, duration of the API. */
export const STARTER: DashboardSpec = {
  uid: 'darkroom-starter',
  title: 'Darkroom starter',
  description: 'The API by the RED method: rate, errors, duration.',
  rows: {
    RED: [
      {
        title: 'Requests by route',
        unit: 'reqps',
        bad: 'A drop to zero in working hours: nobody reaches the API. A jump: see who submits.',
        runbook: 'BudgetBurnsFast',
        queries: { '{{method}} {{route}}': 'sum by (method, route) (rate(http_request_duration_seconds_count[5m]))' },
      },
      {
        title: 'Share of answers that are our fault',
        unit: 'percentunit',
        bad: 'Above 0.1 %: the availability budget burns; above 1.4 % it pages.',
        runbook: 'BudgetBurnsFast',
        queries: {
          '5xx':
            '(sum(rate(http_request_duration_seconds_count{status=~"5.."}[5m])) or vector(0)) / sum(rate(http_request_duration_seconds_count[5m]))',
        },
      },
      {
        title: 'Duration of submits, 99th percentile',
        unit: 's',
        bad: 'Above 0.3 s: Temporal is slow, or the event loop is blocked. Answers that wait for their job (?wait) are not in it.',
        runbook: 'BudgetBurnsFast',
        queries: {
          '{{route}}':
            'histogram_quantile(0.99, sum by (route, le) (rate(http_request_duration_seconds_bucket{method="POST",route!~".+[?]wait"}[5m])))',
        },
      },
      {
        title: 'Jobs taken in',
        unit: 'ops',
        bad: 'A source at zero that should not be: its consumer stands still.',
        runbook: 'BudgetBurnsFast',
        queries: { '{{kind}} {{source}}': 'sum by (kind, source) (rate(darkroom_jobs_submitted_total[5m]))' },
      },
    ],
    More: [
      {
        title: 'Jobs refused, by type',
        unit: 'ops',
        bad: 'InvalidJob and its like: a caller is wrong. StorageUnavailable or InternalError: we are.',
        runbook: 'BudgetBurnsFast',
        queries: { '{{type}}': 'sum by (type) (rate(darkroom_submit_errors_total[5m]))' },
      },
      {
        title: 'Event streams open',
        unit: 'short',
        bad: 'Grows without end: clients do not close them, and each holds a connection.',
        runbook: 'EventLoopBlocked',
        queries: { open: 'sum(darkroom_event_streams_open)' },
      },
      {
        title: 'Time since the last maintenance',
        unit: 's',
        bad: 'More than two of its periods: it did not run.',
        runbook: 'MaintenanceOverdue',
        queries: {
          'since the last': 'time() - max(darkroom_maintenance_end_timestamp_seconds)',
          period: 'max(darkroom_maintenance_period_seconds)',
        },
      },
      {
        title: 'Failed steps of the last maintenance',
        unit: 'short',
        bad: 'Above zero: what these steps would have removed stays.',
        runbook: 'MaintenanceFailed',
        queries: { failed: 'max(darkroom_maintenance_failed_steps)' },
      },
      {
        title: 'Webhooks by outcome',
        unit: 'ops',
        bad: 'gave_up: receivers were away for as long as we tried.',
        runbook: 'WebhooksFailing',
        queries: { '{{outcome}}': 'sum by (outcome) (rate(darkroom_webhook_deliveries_total[5m]))' },
      },
    ],
  },
};
