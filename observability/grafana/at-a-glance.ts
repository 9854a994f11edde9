import type { DashboardSpec } from './panel';

/** For whoever is on call: is it healthy, what waits, how fast does it drain, what fails and why. */
export const AT_A_GLANCE: DashboardSpec = {
  uid: 'darkroom-glance',
  title: 'Darkroom at a glance',
  description: 'Is it healthy, how much waits, when will it be done, and what fails?',
  rows: {
    Now: [
      {
        title: 'Temporal answers',
        kind: 'stat',
        unit: 'bool_yes_no',
        bad: 'No: nothing is submitted or handed out, and every other figure about queues is missing.',
        runbook: 'TemporalUnreachable',
        queries: { '': 'max(darkroom_temporal_up)' },
      },
      {
        title: 'Open items',
        kind: 'stat',
        unit: 'short',
        bad: 'It stays above zero while nothing completes: items wait, are paused, or retry. The backlog alone may read zero after five idle minutes.',
        runbook: 'ItemsWithoutWorkers',
        queries: { '': 'sum(darkroom:open_workflows)' },
      },
      {
        title: 'Oldest waiting task',
        kind: 'stat',
        unit: 's',
        bad: 'Above an hour: work arrives faster than it is done, or nobody does it.',
        runbook: 'OldestItemTooOld',
        queries: { '': 'max(darkroom:backlog_age_seconds)' },
      },
      {
        title: 'Empty in',
        kind: 'stat',
        unit: 's',
        bad: 'Infinite while items are open: nothing completes. Longer than the batch may take: add workers.',
        runbook: 'SlotsExhausted',
        queries: { '': 'sum(darkroom:open_workflows) / sum(darkroom:items_completed:rate5m)' },
      },
    ],
    Flow: [
      {
        title: 'Waiting tasks by queue',
        unit: 'short',
        bad: 'Rising for longer than a batch takes. At one queue only: that pool is too small or gone.',
        runbook: 'WorkersMissing',
        queries: { '{{queue}}': 'darkroom:backlog_items' },
      },
      {
        title: 'Added and handed out',
        unit: 'ops',
        bad: 'Added stays above handed out: the backlog grows. Handed out at zero with a backlog: the queue is stuck.',
        runbook: 'QueueStuck',
        queries: {
          'added {{queue}}': 'darkroom:queue_add_rate',
          'handed out {{queue}}': 'darkroom:queue_dispatch_rate',
        },
      },
      {
        title: 'Workers that ask for work',
        unit: 'short',
        bad: 'Zero with a backlog: no worker serves the queue (or every slot is busy: see Workers).',
        runbook: 'WorkersMissing',
        queries: { '{{queue}}': 'darkroom:queue_pollers' },
      },
      {
        title: 'Items that ended, by outcome',
        unit: 'ops',
        bad: 'failed above zero is our fault; bad_input is the senders’.',
        runbook: 'BudgetBurnsFast',
        queries: { '{{kind}} {{outcome}}': 'sum by (kind, outcome) (rate(darkroom_items_completed_total[5m]))' },
      },
    ],
    Failures: [
      {
        title: 'Failed attempts by type',
        unit: 'ops',
        bad: 'StorageUnavailable or SourceUnavailable: a store is away. EncoderFailed: files kill the tools. InternalError: a fault of ours.',
        runbook: 'RetryStorm',
        queries: { '{{kind}} {{type}}': 'sum by (kind, type) (rate(darkroom_errors_total[5m]))' },
      },
      {
        title: 'Submit to published, 99th percentile',
        unit: 's',
        bad: 'Interactive above 60 s (images) or 5 min (videos): people wait. For a batch it is as long as the batch takes.',
        runbook: 'BudgetBurnsFast',
        queries: {
          '{{kind}} {{mode}}':
            'histogram_quantile(0.99, sum by (kind, mode, le) (rate(darkroom_item_latency_seconds_bucket[5m])))',
        },
      },
    ],
  },
};
