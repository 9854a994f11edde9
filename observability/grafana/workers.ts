import type { DashboardSpec } from './panel';

/** Mean of a histogram by model; 0 where nothing was observed. */
function perTask(name: string): string {
  const rate = (part: string): string => `sum by (model) (rate(${name}_${part}[5m]))`;
  return `${rate('sum')} / (${rate('count')} > 0) or ${rate('count')}`;
}

/** Slots, stages, memory, saturation. */
export const WORKERS: DashboardSpec = {
  uid: 'darkroom-workers',
  title: 'Darkroom workers',
  description: 'Where the time goes, and what runs out first.',
  rows: {
    Slots: [
      {
        title: 'Slots used and free',
        unit: 'short',
        bad: 'Free at zero for long with old work waiting: too few workers. Used at zero with a backlog: workers do not get work.',
        runbook: 'SlotsExhausted',
        queries: { 'used {{pool}}': 'darkroom:slots_used', 'free {{pool}}': 'darkroom:slots_available' },
      },
      {
        title: 'Repeated attempts',
        unit: 'ops',
        bad: 'More than items end: something downstream is away, and attempts only burn time.',
        runbook: 'RetryStorm',
        queries: { '{{activity}}': 'sum by (activity) (rate(darkroom_activity_retries_total[5m]))' },
      },
    ],
    Stages: [
      {
        title: 'Time by stage, 95th percentile',
        unit: 's',
        bad: 'fetch or publish slow: the store. decode or encode slow: large files or busy cores.',
        runbook: 'SlotsExhausted',
        queries: {
          '{{stage}} {{format}}':
            'histogram_quantile(0.95, sum by (stage, format, le) (rate(darkroom_stage_duration_seconds_bucket[5m])))',
        },
      },
      {
        title: 'Work by stage, slots busy',
        unit: 'short',
        bad: 'The tallest line is what to make faster or to give more machines.',
        runbook: 'SlotsExhausted',
        queries: { '{{stage}}': 'sum by (stage) (rate(darkroom_stage_duration_seconds_sum[5m]))' },
      },
      {
        title: 'Encode speed, median',
        unit: 'none',
        bad: 'Seconds of video in a second. Below 1 for the ladder’s top rung: cores are shared or throttled.',
        runbook: 'SlotsExhausted',
        queries: {
          '{{rung}}': 'histogram_quantile(0.5, sum by (rung, le) (rate(darkroom_encode_speed_ratio_bucket[5m])))',
        },
      },
      {
        title: 'Bytes in and out',
        unit: 'Bps',
        bad: 'Near what the network or the store gives: more workers will not help.',
        runbook: 'RetryStorm',
        queries: {
          'read {{kind}}': 'sum by (kind) (rate(darkroom_bytes_read_total[5m]))',
          'written {{kind}}': 'sum by (kind) (rate(darkroom_bytes_written_total[5m]))',
        },
      },
    ],
    Models: [
      {
        title: 'Tasks of models, by whether the model was loaded',
        unit: 'ops',
        bad: 'Cold as often as warm: workers load a model for each task. More memory for models, or more workers.',
        runbook: 'ModelsThrash',
        queries: { '{{model}} {{state}}': 'sum by (model, state) (rate(darkroom_model_tasks_total[5m]))' },
      },
      {
        title: 'Models loaded and removed from memory',
        unit: 'ops',
        bad: 'Removals as often as tasks: the models in demand do not fit into DARKROOM_MODEL_MEMORY together.',
        runbook: 'ModelsThrash',
        queries: {
          'loaded {{model}}': 'sum by (model) (rate(darkroom_model_loads_total[5m]))',
          'removed {{model}}': 'sum by (model) (rate(darkroom_model_evictions_total[5m]))',
        },
      },
      {
        title: 'Workers that have a model loaded',
        unit: 'short',
        bad: 'Zero for a model with work waiting: no worker serves the pool, or the model cannot be loaded.',
        runbook: 'WorkersMissing',
        queries: { '{{model}}': 'sum by (model) (darkroom_models_loaded)' },
      },
      {
        title: 'Wait and inference, seconds a task',
        unit: 's',
        bad: 'Wait far above inference: too few workers of the pool, or models are loaded again and again.',
        runbook: 'ModelsThrash',
        queries: {
          'wait {{model}}': perTask('darkroom_model_wait_seconds'),
          'inference {{model}}': perTask('darkroom_model_inference_seconds'),
        },
      },
      {
        title: 'Memory of models, and their budget',
        unit: 'bytes',
        bad: 'Near the budget with models removed again and again: raise DARKROOM_MODEL_MEMORY.',
        runbook: 'ModelsThrash',
        queries: {
          'used {{instance}}': 'darkroom_model_memory_bytes',
          'budget {{instance}}': 'darkroom_model_budget_bytes',
        },
      },
    ],
    Saturation: [
      {
        title: 'Memory, share of the limit',
        unit: 'percentunit',
        bad: 'Above 90 %: the system will soon kill the process or its children.',
        runbook: 'MemoryNearLimit',
        queries: {
          '{{instance}}':
            '(process_resident_memory_bytes + on (job, instance) darkroom_child_memory_bytes) / on (job, instance) darkroom_memory_limit_bytes',
        },
      },
      {
        title: 'Memory of image children (libvips)',
        unit: 'bytes',
        bad: 'Grows from image to image: a decoder leaks; children are replaced after 1,000 images.',
        runbook: 'MemoryNearLimit',
        queries: { '{{instance}}': 'darkroom_child_memory_bytes' },
      },
      {
        title: 'Child processes that died',
        unit: 'short',
        bad: 'Any: a file crashed, hung or bloated its decoder. Five in half an hour: somebody sends poison.',
        runbook: 'PoisonRate',
        queries: { '{{reason}}': 'sum by (reason) (increase(darkroom_child_kills_total[30m]))' },
      },
      {
        title: 'Scratch disk, share free',
        unit: 'percentunit',
        bad: 'Below 10 %: the next large video fails with StorageUnavailable.',
        runbook: 'ScratchDiskFull',
        queries: { '{{instance}}': 'darkroom_scratch_free_bytes / darkroom_scratch_size_bytes' },
      },
      {
        title: 'Event loop lag, 99th percentile',
        unit: 's',
        bad: 'Above 0.5 s: heartbeats come late, and the server takes living attempts for dead.',
        runbook: 'EventLoopBlocked',
        queries: { '{{instance}}': 'nodejs_eventloop_lag_p99_seconds and on (job, instance) darkroom_child_processes' },
      },
    ],
  },
};
