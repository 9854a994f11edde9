import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../common/config';
import { createStorage } from '../../storage';
import type { ItemFailure } from '../core/failure';
import { emptyTally, ItemProblem, type Tally } from '../core/stream';
import { defaultBatchId } from '../core/keys';
import { MAX_FAILURES } from '../core/summary';
import type { BatchView } from '../core/view/batch';
import { openInput } from '../inputs';
import { ApiClient, ApiRefusal } from './api-client';
import { samplesFolder, whatIsNamed } from './places';
import type { BatchOptions } from './ui/options';
import type { Summary } from './ui/summary';
import type { View } from './ui/view';

/** ms between two looks at the batch. */
const EVERY_MS = 1000;

interface Jobs {
  tally: Tally;
  refused: ItemFailure[];
}

/**
 * The same batch by way of the HTTP API: local files are uploaded unless `--shared-files` says that the service sees them,
 * jobs go as one stream, and the figures come from the service. The same command again uploads what is new or has changed,
 * and the service skips the rest.
 * @throws ApiRefusal with the service's own sentence
 */
export async function runThroughApi(
  url: string,
  config: Config,
  options: BatchOptions,
  view: View,
  stop: AbortSignal,
): Promise<Summary> {
  const api = new ApiClient(url, config.apiKey, stop);
  const batchId = options.batchId ?? defaultBatchId(options.input.name, options.preset, options.output);
  const started = Date.now();
  const { tally, refused, id } = await submit(api, config, batchId, options, stop);
  view.note(`Batch ${id}: ${new URL(`/#/batch/${encodeURIComponent(id)}`, url).href}`);
  const state = options.wait ? await follow(api, id, tally, view, stop) : undefined;
  const seconds = (Date.now() - started) / 1000;
  const accepted = tally.started + tally.joined;
  // The service counts the whole batch; what it had done before is not of this submission.
  const completed = Math.min(state?.succeeded ?? 0, accepted);
  const failed = state?.failed ?? 0;
  const bytes = state ? await api.bytes(id) : { in: 0, out: 0 };
  return {
    batchId: id,
    submitted: accepted,
    completed,
    failed: failed + refused.length,
    skipped: tally.skipped,
    seconds: Math.round(seconds * 10) / 10,
    itemsPerSecond: Math.round((completed / seconds) * 100) / 100,
    latencyMs: {
      p50: state?.latencyMs.p50 ?? null,
      p95: state?.latencyMs.p95 ?? null,
      p99: state?.latencyMs.p99 ?? null,
    },
    bytesIn: bytes.in,
    bytesOut: bytes.out,
    outputs: options.output ?? '',
    failures: [...refused, ...(failed > 0 ? await api.failures(id, MAX_FAILURES) : [])].slice(0, MAX_FAILURES),
  };
}

async function submit(
  api: ApiClient,
  config: Config,
  batchId: string,
  options: BatchOptions,
  signal: AbortSignal,
): Promise<Jobs & { id: string }> {
  const named = whatIsNamed(options);
  const storage = createStorage({
    ...config,
    allowedRoots: [...config.allowedRoots, ...(named.folders ?? [])],
    allowedBuckets: [...config.allowedBuckets, ...(named.buckets ?? [])],
  });
  const jobs: Jobs = { tally: emptyTally(), refused: [] };
  const refuse = (problem: ItemFailure): void => {
    jobs.tally.rejected++;
    if (jobs.refused.length < MAX_FAILURES) jobs.refused.push(problem);
  };
  async function* lines(): AsyncGenerator<object> {
    const entries = openInput(options.input, {
      storage,
      samples: samplesFolder(config),
      except: options.output,
      cwd: process.cwd(),
      signal,
    });
    for await (const entry of entries) {
      if (entry instanceof ItemProblem) refuse({ ...entry });
      else if (options.sharedFiles || !entry.source.startsWith('file:')) yield entry;
      else {
        const source = await api.upload(storage, entry.source).catch(refusalOf(entry.source, refuse));
        if (source !== undefined) yield { ...entry, source };
      }
    }
  }
  try {
    const { preset, output, priority } = options;
    const id = await api.submitStream({ id: batchId, preset, output, priority }, lines(), {
      onAccepted: (status) => void jobs.tally[status]++,
      onRefused: refuse,
    });
    return { ...jobs, id };
  } finally {
    storage.close();
  }
}

/** One file that the service does not take is that file's failure; a service that is not there is everybody's. */
function refusalOf(source: string, refuse: (problem: ItemFailure) => void): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof ApiRefusal) || error.code === undefined) throw error;
    refuse({ source, type: error.code, message: error.message });
  };
}

/** Until nothing is open; what the visibility store does not know yet counts as open, be it the whole batch. */
async function follow(
  api: ApiClient,
  id: string,
  tally: Tally,
  view: View,
  stop: AbortSignal,
): Promise<BatchView | undefined> {
  const accepted = tally.started + tally.joined;
  for (;;) {
    const state = await api.batch(id).catch(undefinedWhenUnknown);
    const unknown = Math.max(0, accepted - (state?.items ?? 0));
    view.progress({
      done: state?.succeeded ?? 0,
      failed: (state?.failed ?? 0) + (state?.cancelled ?? 0) + tally.rejected,
      running: state?.running ?? 0,
      waiting: (state?.waiting ?? 0) + unknown,
      skipped: tally.skipped,
      total: Math.max(state?.items ?? 0, accepted) + tally.rejected,
      final: true,
      itemsPerSecond: state?.itemsPerSecond ?? 0,
      etaSeconds: state?.etaSeconds,
    });
    if ((state?.open ?? 0) === 0 && unknown === 0) return state;
    await sleep(EVERY_MS, undefined, { signal: stop });
  }
}

function undefinedWhenUnknown(error: unknown): undefined {
  if (!(error instanceof ApiRefusal) || error.code !== 'NoSuchBatch') throw error;
}
