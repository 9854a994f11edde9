import type { Config } from '../../common/config';
import { inSpan } from '../../common/traces';
import { fileUri, joinUri } from '../../storage';
import { reasonOf, submitDirectly, takeAll, type Entry } from '../core/intake';
import type { PresetSource } from '../core/job';
import { defaultBatchId } from '../core/keys';
import { MAX_FAILURES } from '../core/summary';
import { openInput, UsageError } from '../inputs';
import { refuseLocal, stagedUnder } from '../inputs/staging';
import { alignClock, followBatch, type Submission } from './follow';
import { samplesFolder } from './places';
import { isRemote, type Session } from './session';
import type { BatchOptions } from './ui/options';
import type { View } from './ui/view';

/**
 * Id of the batch and URI prefix of its outputs, before anything is started.
 * @throws UsageError where remote workers could not read the sources or write the outputs
 */
export function planSubmission(config: Config, options: BatchOptions): { batchId: string; outputs: string } {
  const batchId = options.batchId ?? defaultBatchId(options.input.name, options.preset, options.output);
  const { output = config.outputDefault, staging, sharedFiles } = options;
  if (isRemote(config) && !sharedFiles) checkReach(options, output);
  const ownOutput = staging === undefined || !isRemote(config) ? fileUri(config.home) : staging;
  return { batchId, outputs: output ?? joinUri(ownOutput, 'outputs', batchId) };
}

function checkReach({ input, staging }: BatchOptions, output: string | undefined): void {
  const isLocal = input.type === 'samples' || (input.type !== 'list' && input.name.startsWith('file:'));
  if (isLocal && staging === undefined) {
    throw new UsageError(
      'the workers run elsewhere and cannot read files of this machine: ' +
        'add --staging s3://bucket/prefix, or --shared-files if they see the same folders',
    );
  }
  if (output === undefined ? staging === undefined : output.startsWith('file:')) {
    throw new UsageError('the workers run elsewhere: say where the outputs go with --output s3://bucket/prefix');
  }
}

/** Submits and follows at the same time: the first items are done long before the last ones are submitted. */
export async function submitAndFollow(
  session: Session,
  submission: Submission,
  options: BatchOptions,
  presets: PresetSource,
  view: View,
  stop: AbortSignal,
): Promise<void> {
  const broken = new AbortController();
  const signal = AbortSignal.any([stop, broken.signal]);
  const attributes = { 'darkroom.batch': submission.batchId, 'darkroom.preset': options.preset };
  const submitting = inSpan('start-batch', { attributes }, async (span) => {
    await submit(session, submission, options, presets, signal);
    const { started, joined, skipped, rejected } = submission.tally;
    span.set({ 'darkroom.items.started': started, 'darkroom.items.joined': joined });
    span.set({ 'darkroom.items.skipped': skipped, 'darkroom.items.rejected': rejected });
  }).catch((error: unknown) => {
    broken.abort(error);
    throw error;
  });
  const following = options.wait ? followBatch(session, view, submission, signal) : undefined;
  await Promise.all([submitting, following]);
}

async function submit(
  session: Session,
  submission: Submission,
  options: BatchOptions,
  presets: PresetSource,
  signal: AbortSignal,
): Promise<void> {
  const { client, storage, queuePrefix, config } = session;
  const { batchId, outputs, tally, ledger, outages } = submission;
  const { preset, priority, force, concurrency } = options;
  const entries = openInput(options.input, {
    ...{ storage, samples: samplesFolder(config), except: outputs, cwd: process.cwd(), signal },
    ...{ allFiles: options.allFiles, onWait: (error) => outages.failing(error) },
    onIgnored: (uri) => {
      submission.ignored++;
      submission.onIgnored?.(uri);
    },
  });
  const defaults = { batchId, output: outputs, preset, priority };
  const submitOne = submitDirectly({ client, storage, queuePrefix, presets }, defaults, {
    ...{ force, signal, limitMs: Infinity, prepare: stagingFor(session, options) },
    onWait: (error) => outages.failing(error),
  });
  await takeAll(
    entries,
    { submit: submitOne, ledger, names: config.itemNames, defaults: { output: outputs, preset, priority }, signal },
    {
      ...{ concurrency, tally },
      onTaken: (taken, entry) => {
        if (taken.status === 'rejected') return refuse(submission, entry, taken.error);
        if (taken.status === 'duplicate') return;
        outages.passed();
        if (taken.status === 'started') alignClock(client, submission, taken.key);
      },
    },
  );
  submission.final = true;
}

/** Keeps the reason of a rejected entry. */
export function refuse({ refused }: Pick<Submission, 'refused'>, { name, place: line }: Entry, error: unknown): void {
  if (refused.length < MAX_FAILURES)
    refused.push({ source: name, ...reasonOf(error), ...(line !== undefined && { line }) });
}

/** How local files get to remote workers. */
function stagingFor({ storage, config }: Session, { staging, sharedFiles }: BatchOptions) {
  if (staging !== undefined) return stagedUnder(joinUri(staging, 'sources'), storage, config.maxSourceBytes);
  return isRemote(config) && !sharedFiles ? refuseLocal : undefined;
}
