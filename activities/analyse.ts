import { Context } from '@temporalio/activity';
import type { Analysed, Analysis } from '../common/analysis';
import type { Rendition, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { hears, type ModelName } from '../common/models';
import { warmQueue } from '../common/pools';
import * as audio from '../media/audio';
import type { Fetched } from '../storage';
import { runAttempt, type Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { receiptOf } from './receipt';
import { withSource } from './source';
import { fetchMade } from './fetch-made';

export interface AnalysisInput {
  model: ModelName;
  /** ms since the epoch, when the workflow first asked for it: what its waiting is counted from. */
  askedAt: number;
  /** A picture of the item that is in storage already; absent: the source itself. */
  picture?: Pick<Rendition, 'path' | 'bytes' | 'sha256'>;
}

/**
 * One model's look at one picture, or one hearing of a sound.
 * @returns what the model found, under the model's name, and what that cost; boxes in px of the source or the picture, upright
 * @throws ApplicationFailure with a type of the error table
 */
export function analyse(
  deps: ActivityDeps,
  item: WorkItem,
  { model, askedAt, picture }: AnalysisInput,
): Promise<Analysed> {
  return runAttempt(deps, item, async (attempt) => {
    const look = async ({ path: input }: { path: string }): Promise<Analysed> => {
      const { maxPixels, maxFrames, allowSvg, modelTimeout } = deps.config;
      const task = { input, limits: { maxPixels, maxFrames }, allowSvg };
      refuseEvicted(deps, model);
      if (deps.models === undefined) throw new DarkroomError('ModelUnavailable', 'This worker serves no models.');
      const { models, metrics } = deps;
      const waited = (): void => metrics.darkroom_model_wait_seconds.observe({ model }, (Date.now() - askedAt) / 1000);
      const run = () => models.run(model, task, attempt.signal, waited);
      const within = (): Promise<Analysis> => attempt.within('analyse', LONGEST_WAIT + modelTimeout, run);
      const found = await attempt.stages.run('analyse', model, within);
      return { ...found, receipts: receiptOf(deps, attempt) };
    };
    if (hears(model)) {
      return withSource(deps, attempt, item, async (source) => look({ path: await samplesOf(deps, attempt, source) }));
    }
    if (picture === undefined) return withSource(deps, attempt, item, look);
    const file = { ...picture, uri: `${item.output}/${picture.path}` };
    return look({ path: await fetchMade(deps, attempt, file, 'picture') });
  });
}

/**
 * A poll that was open when the model left memory may still bring one task of the model's own queue. The workflow asks again
 * where the task is to go.
 * @throws DarkroomError WorkerBusy
 */
function refuseEvicted({ config, models }: ActivityDeps, model: ModelName): void {
  const isFromWarmQueue = Context.current().info.taskQueue === warmQueue(config.queuePrefix, model);
  if (!isFromWarmQueue || models?.isWarm(model)) return;
  throw new DarkroomError('WorkerBusy', 'The worker has the model no longer in memory; another one takes the picture.');
}

/** The sound as models hear it; the file goes with the attempt's folder. */
async function samplesOf({ config, ffmpeg }: ActivityDeps, attempt: Attempt, source: Fetched): Promise<string> {
  const { signal, progress: onProgress, workDir: outputDir } = attempt;
  const stage = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    attempt.stages.run(name, 'audio', () => attempt.within(name, ffmpeg.stallMs, work));
  const probe = await stage('probe', () => audio.probeAudio(source.path, config, ffmpeg, signal, onProgress));
  const { maxDuration } = config;
  const input = { input: source.path, outputDir, probe, maxDuration, settings: ffmpeg, signal, onProgress };
  return stage('decode', () => audio.writeSamples(input));
}

/** ms for which a task may wait in its worker for other tasks and for the loading of its model. */
const LONGEST_WAIT = 600_000;
