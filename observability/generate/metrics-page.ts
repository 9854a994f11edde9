import { messages } from './recording';
import { METRICS, type MetricRow } from '../../common/metrics';

const EXPORTERS: [MetricRow['from'], string][] = [
  ['worker', 'Worker, port 9464 (`DARKROOM_WORKER_PORT`)'],
  ['queue', 'Queues: the starter service and `npm run monitor`'],
  ['starter', 'Starter service, port 9466 with keys (`DARKROOM_HEALTH_PORT`), else that of the API'],
];

/** `docs/operations/metrics.md`, from the metric table. */
export function metricsPage(): string {
  const rows = Object.entries(METRICS) as [string, MetricRow][];
  const sections = EXPORTERS.map(([from, title]) => {
    const lines = rows
      .filter(([, row]) => row.from === from)
      .map(([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`);
    return [`## ${title}`, '', '| Name | Type | Labels | Meaning |', '| --- | --- | --- | --- |', ...lines, ''].join(
      '\n',
    );
  });
  const others = messages().flatMap(({ record, help }) =>
    help === undefined ? [] : [`- \`${record.replace('_bucket', '')}\`: ${help}.`],
  );
  return `${INTRODUCTION}\n${sections.join('\n')}${SDK}${others.join('\n')}\n`;
}

const INTRODUCTION = `# Metrics

Made by \`npm run observability\` from [common/metrics/table.ts](../../common/metrics/table.ts); do not edit. Units stand in
the names. No label holds an id, a URI or anything else without bound. Both processes export Node's own metrics as well
(\`process_resident_memory_bytes\`, \`nodejs_eventloop_lag_p99_seconds\`, …). Memory of libvips itself is not a figure of its
own: it lives in the image children, and \`darkroom_child_memory_bytes\` holds it.
`;

const SDK = `
## Temporal SDK: worker, port 9465 (\`DARKROOM_SDK_METRICS_PORT\`)

The SDK's own set, with \`_seconds\` and \`_total\`. Those that dashboards and rules use:
\`temporal_activity_execution_latency_seconds\`, \`temporal_activity_schedule_to_start_latency_seconds\`,
\`temporal_workflow_task_schedule_to_start_latency_seconds\`, \`temporal_workflow_task_execution_failed_total\`,
\`temporal_request_latency_seconds\`, \`temporal_request_total\`, \`temporal_sticky_cache_size\`.

## Names of other teams (recording rules)

`;
