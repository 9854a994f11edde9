import type { PanelSpec } from './panel';

/** Ends every description: a hosted server keeps these figures to itself. */
const OWN_SERVER = ' Empty where the server is Temporal Cloud, or is not scraped.';

const quantile = (share: number, metric: string, by: string, labels = ''): string =>
  `histogram_quantile(${share}, sum by (${by}le) (rate(${metric}_bucket${labels}[5m])))`;

/** `figure`, or zero while it has never happened: but only where the server is scraped, or silence would look like health. */
const orZero = (figure: string): string => `${figure} or 0 * sum(rate(service_requests[5m]))`;

/** A poll waits for work on purpose; so does whoever asks for the end of a workflow. */
const ANSWERS = '{service_name="frontend",operation!~"Poll.*|GetWorkflowExecutionHistory"}';

const panels: PanelSpec[] = [
  {
    title: 'Server: requests by service',
    unit: 'reqps',
    bad: 'Frontend falls while items are open: callers do not get through. Another rises alone: it retries inside.',
    runbook: 'TemporalUnreachable',
    queries: { '{{service_name}}': 'sum by (service_name) (rate(service_requests[5m]))' },
  },
  {
    title: 'Server: errors that it did not expect',
    unit: 'ops',
    bad: 'Above zero for minutes: its services lose each other or the database. "Not found" and the like are not in it.',
    runbook: 'TemporalUnreachable',
    queries: { '{{service_name}}': orZero('sum by (service_name) (rate(service_errors[5m]))') },
  },
  {
    title: 'Server: time of a request, 95th percentile',
    unit: 's',
    bad: 'Above 0.5 s: submits and completions slow down. Far less than clients see: the network or a proxy is slow.',
    runbook: 'TemporalUnreachable',
    queries: { '{{operation}}': quantile(0.95, 'service_latency', 'operation, ', ANSWERS) },
  },
  {
    title: 'Database: time of a call, 95th percentile',
    unit: 's',
    bad: 'Above 0.1 s: the database is the brake, and everything above waits for it: its disk, its connections, its size.',
    runbook: 'TemporalUnreachable',
    queries: {
      '{{operation}}': quantile(
        0.95,
        'persistence_latency',
        'operation, ',
        '{operation=~"(Create|Update|Get)WorkflowExecution|AppendHistoryNodes|CreateTasks|GetTasks"}',
      ),
      'search {{operation}}': quantile(0.95, 'visibility_persistence_latency', 'operation, '),
    },
  },
  {
    title: 'Database: calls that failed',
    unit: 'ops',
    bad: 'Timeouts: the database is overloaded. ShardOwnershipLost in numbers: servers come and go, or lose each other.',
    runbook: 'TemporalUnreachable',
    queries: {
      '{{error_type}}': orZero(
        'sum by (error_type) (rate(persistence_error_with_type{error_type!="serviceerror_NotFound"}[5m]))',
      ),
    },
  },
  {
    title: 'Shards: wait for the lock, 99th percentile',
    unit: 's',
    bad: 'Above 0.05 s with an idle database: too few history shards for this load; their number cannot be changed later.',
    runbook: 'TemporalUnreachable',
    queries: { wait: quantile(0.99, 'lock_latency', '', '{operation="ShardInfo"}') },
  },
  {
    title: 'Tasks that found a worker waiting',
    unit: 'percentunit',
    bad: 'Near zero: tasks go through the database first, since every slot is busy. Normal in a batch; else too few slots.',
    runbook: 'SlotsExhausted',
    queries: {
      '{{taskqueue}}':
        'sum by (taskqueue) (rate(poll_success_sync{taskqueue!~"temporal.*"}[5m])) / (sum by (taskqueue) (rate(poll_success{taskqueue!~"temporal.*"}[5m])) > 0)',
    },
  },
  {
    title: 'Workflow tasks that timed out',
    unit: 'ops',
    bad: 'Start to close: a worker took one and died or stood still. Schedule to start: the worker that had it in memory is gone.',
    runbook: 'EventLoopBlocked',
    queries: {
      'start to close': orZero('sum(rate(start_to_close_timeout{operation="TimerActiveTaskWorkflowTaskTimeout"}[5m]))'),
      'schedule to start': orZero(
        'sum(rate(schedule_to_start_timeout{operation="TimerActiveTaskWorkflowTaskTimeout"}[5m]))',
      ),
    },
  },
  {
    title: 'Activities that timed out, by kind of limit',
    unit: 'ops',
    bad: 'Heartbeat: workers died or stood still at work. StartToClose: steps take longer than they may.',
    runbook: 'RetryStorm',
    queries: { '{{timeout_type}}': orZero('sum by (timeout_type) (rate(activity_task_timeout[5m]))') },
  },
  {
    title: 'History of an ended item, 99th percentile',
    unit: 'bytes',
    bad: 'Above 1 MB: an item retries or reports far too much; the server warns at 10 MB and ends it at 50.',
    runbook: 'MemoryNearLimit',
    queries: {
      size: quantile(0.99, 'history_size', '', '{namespace!="temporal_system",operation="CompletionStats"}'),
    },
  },
];

/** The server's own figures, by the names that it gives them by default (`framework: tally`). */
export const SERVER_PANELS: PanelSpec[] = panels.map((panel) => ({ ...panel, bad: panel.bad + OWN_SERVER }));
