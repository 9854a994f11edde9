import { DefaultLogger, Runtime, type InjectedSinks } from '@temporalio/worker';
import type { Config } from '../common/config';
import type { Logger } from '../common/logger';
import type { Metrics } from '../common/metrics';
import type { CampaignSinks } from '../workflows/campaign';
import type { ItemSinks } from '../workflows/item';

/** From a 5 ms workflow task to a day's encode, in seconds: the SDK's own activity buckets stop at 60 s. */
const SDK_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400];

const LATENCY_METRICS = [
  'temporal_activity_schedule_to_start_latency',
  'temporal_activity_execution_latency',
  'temporal_activity_succeed_endtoend_latency',
  'temporal_workflow_task_schedule_to_start_latency',
  'temporal_workflow_task_execution_latency',
  'temporal_workflow_task_replay_latency',
  'temporal_workflow_endtoend_latency',
  'temporal_request_latency',
  'temporal_long_request_latency',
];

/** Sets the SDK's runtime up: its logs go through our logger, its metrics to a Prometheus port with the names we promise. */
export function installRuntime(config: Config, logger: Logger): void {
  const sdk = logger.child({ part: 'sdk' });
  Runtime.install({
    // Signals are ours to handle: see main.ts.
    shutdownSignals: [],
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      sdk[LEVELS[level]](withoutNoise(meta), message);
    }),
    telemetryOptions: {
      ...(config.sdkMetricsPort === 0
        ? {}
        : {
            metrics: {
              prometheus: {
                bindAddress: `${config.workerHost}:${config.sdkMetricsPort}`,
                countersTotalSuffix: true,
                unitSuffix: true,
                useSecondsForDurations: true,
                histogramBucketOverrides: Object.fromEntries(LATENCY_METRICS.map((name) => [name, SDK_BUCKETS])),
              },
            },
          }),
    },
  });
}

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;

/** The SDK's own attributes without what every line repeats. */
function withoutNoise(meta: Record<string | symbol, unknown> | undefined): object {
  const { namespace: _namespace, taskToken: _taskToken, sdkComponent: _component, ...rest } = meta ?? {};
  return rest;
}

/** The ends of items, and how far campaigns are, from workflows into the metrics. */
export function metricSinks(metrics: Metrics): InjectedSinks<ItemSinks & CampaignSinks> {
  return {
    campaigns: {
      reached: { callDuringReplay: false, fn: (_info, phase) => metrics.darkroom_campaigns_total.inc({ phase }) },
      counted: {
        callDuringReplay: false,
        fn: (_info, outcome, items) => metrics.darkroom_campaign_items_total.inc({ outcome }, items),
      },
    },
    items: {
      ended: {
        callDuringReplay: false,
        fn: (_info, { kind, mode, outcome, seconds }) => {
          metrics.darkroom_items_completed_total.inc({ kind, outcome });
          if (outcome === 'ok') metrics.darkroom_item_latency_seconds.observe({ kind, mode }, seconds);
        },
      },
    },
  };
}
