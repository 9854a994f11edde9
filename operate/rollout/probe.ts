import { type Client, WorkflowFailedError } from '@temporalio/client';
import type { Config } from '../../common/config';
import { workflowId, type WorkItem } from '../../common/contracts';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { ensureSamples, samplePaths } from '../../local/samples';
import { loadPreset } from '../../media/presets';
import { samplesFolder } from '../../starter/cli/places';
import { describeFailure } from '../../starter/core/failure';
import { cachedPresets, resolveJob } from '../../starter/core/job';
import { retrying } from '../../temporal/grpc';
import { sleepUnlessAborted } from '../../common/sleep';
import { startUnlessKnown } from '../../temporal/items/start';
import { type SubmitContext } from '../../starter/core/submit';
import { stagedUnder } from '../../starter/inputs/staging';
import { fileUri, joinUri, type Storage } from '../../storage';
import { stuckRuns } from './stuck';

/** What submitting needs, with the build that has to do the work. */
type Pinned = SubmitContext & Required<Pick<SubmitContext, 'pinnedTo'>>;

/** ms between looks at items that may get nowhere. */
const LOOK_MS = 1000;
/** The eleventh sample is the first clip: both kinds are tried. */
const SAMPLES = 11;

export interface SampleItemsOptions {
  config: Config;
  storage: Storage;
  /** URI prefix that the workers can read and write: samples lie below `sources`, outputs below `outputs`. */
  staging: string;
  buildId: string;
  signal: AbortSignal;
}

/**
 * Makes the samples, ten photos and a clip, and brings them to where the workers can read them.
 * @throws DarkroomError where the store refuses them
 */
export async function sampleItems({
  config,
  storage,
  staging,
  buildId,
  signal,
}: SampleItemsOptions): Promise<WorkItem[]> {
  const folder = samplesFolder(config);
  const { ffmpeg } = await ensureFfmpeg(config, () => undefined);
  await ensureSamples({ folder, count: SAMPLES, ffmpeg, lanes: 1, bases: 1, signal });
  const bring = stagedUnder(joinUri(staging, 'sources'), storage, config.maxSourceBytes);
  // A name of its own each time: outputs that are there already would prove nothing.
  const batchId = `rollout-${buildId}-${Date.now()}`;
  const defaults = { batchId, output: joinUri(staging, 'outputs', batchId), preset: 'web' };
  const presets = cachedPresets((name) => loadPreset(config.presetsDir, name));
  const items: WorkItem[] = [];
  for (const file of samplePaths(folder, SAMPLES)) {
    items.push(await resolveJob(await bring({ source: fileUri(file) }), defaults, { presets, storage }));
  }
  return items;
}

/**
 * Has one build process items and waits until each has completed. When one fails or gets nowhere, or when `signal` ends the
 * wait, those that are open are terminated: nothing of the probe is left behind on a build that goes.
 * @throws Error that names the first item that did not complete, and why
 */
export async function probeBuild(context: Pinned, items: WorkItem[], signal: AbortSignal): Promise<void> {
  const { client } = context;
  const ids = items.map(({ batchId, itemKey }) => workflowId(batchId, itemKey));
  const over = new AbortController();
  const since = new Date();
  try {
    for (const item of items) await retrying(() => startUnlessKnown(context, item), { signal });
    const until = AbortSignal.any([signal, over.signal]);
    const ended = client.withAbortSignal(until, () => Promise.all(ids.map((id) => completed(client, id))));
    await Promise.race([ended, untilStuck(context, ids, since, until)]);
  } catch (error) {
    over.abort();
    for (const id of ids)
      await client.workflow
        .getHandle(id)
        .terminate('a rollout gave up')
        .catch(() => undefined);
    const reason = signal.aborted ? 'they did not end in time' : error instanceof Error ? error.message : String(error);
    throw new Error(`samples that only this build may process did not complete: ${reason}`, { cause: error });
  } finally {
    over.abort();
  }
}

async function completed(client: Client, id: string): Promise<void> {
  try {
    await client.workflow.getHandle(id).result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { type, message } = describeFailure(error.cause);
    throw new Error(`${id}: ${type}: ${message}`, { cause: error });
  }
}

/** Looks for items that the build fails again and again: Temporal would try them for days. */
async function untilStuck(
  { client, pinnedTo }: Pinned,
  ids: string[],
  since: Date,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleepUnlessAborted(LOOK_MS, signal);
    const stuck = (await stuckRuns(client, pinnedTo.buildId, since)).find((run) => ids.includes(run.workflowId));
    if (stuck !== undefined) throw new Error(`${stuck.workflowId}: ${stuck.reason}`);
  }
}
