import type { DashboardSpec } from './panel';
import { SERVER_PANELS } from './temporal-server';

const quantile = (metric: string, by: string): string =>
  `histogram_quantile(0.95, sum by (${by}, le) (rate(${metric}_bucket[5m])))`;

/** What of Temporal matters here: first as our workers feel it, which holds for a hosted server too, then from its inside. */
export const TEMPORAL: DashboardSpec = {
  uid: 'darkroom-temporal',
  title: 'Darkroom: Temporal',
  description:
    'The server as its clients feel it, for Temporal Cloud as well; below, from its inside, where it is our own and is scraped.',
  rows: {
    'As clients feel it': [
      {
        title: 'Requests by operation',
        unit: 'reqps',
        bad: 'Falls while items are open: the server is slow or limits us.',
        runbook: 'TemporalUnreachable',
        queries: { '{{operation}}': 'sum by (operation) (rate(temporal_request_total[5m]))' },
      },
      {
        title: 'Duration of requests, 95th percentile',
        unit: 's',
        bad: 'Above 0.5 s: the server or its database is busy; everything else slows down with it.',
        runbook: 'TemporalUnreachable',
        queries: { '{{operation}}': quantile('temporal_request_latency_seconds', 'operation') },
      },
    ],
    Queues: [
      {
        title: 'Activities: time in the queue, 95th percentile',
        unit: 's',
        bad: 'Rises: too few slots. Silent although work waits: see the backlog, since only what was taken is in it.',
        runbook: 'SlotsExhausted',
        queries: {
          '{{activity_type}}': quantile('temporal_activity_schedule_to_start_latency_seconds', 'activity_type'),
        },
      },
      {
        title: 'Workflow tasks: time in the queue, 95th percentile',
        unit: 's',
        bad: 'Above 1 s: too few workers of the workflows pool, or a busy event loop.',
        runbook: 'EventLoopBlocked',
        queries: {
          '{{workflow_type}}': quantile('temporal_workflow_task_schedule_to_start_latency_seconds', 'workflow_type'),
        },
      },
    ],
    Workflows: [
      {
        title: 'Failed workflow tasks',
        unit: 'ops',
        bad: 'NonDeterminismError: this code cannot replay what an older one began; those items stand still.',
        runbook: 'NonDeterminism',
        queries: {
          '{{failure_reason}}':
            'sum by (failure_reason) (rate(temporal_workflow_task_execution_failed_total[5m])) or vector(0)',
        },
      },
      {
        title: 'Workflows in memory',
        unit: 'short',
        bad: 'At the limit (DARKROOM_MAX_CACHED_WORKFLOWS) with slow workflow tasks: histories are read again and again.',
        runbook: 'MemoryNearLimit',
        queries: { '{{instance}}': 'temporal_sticky_cache_size' },
      },
    ],
    'Inside of a server of one’s own': SERVER_PANELS,
  },
};
