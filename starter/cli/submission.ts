import type { Config } from '../../common/config';
import { inSpan } from '../../common/traces';
import { fileUri, joinUri } from '../../storage';
import { clockSkew } from '../core/clock';
import type { PresetSource } from '../core/job';
import { defaultBatchId } from '../core/keys';
import { emptyTally, submitStream } from '../core/stream';
import { MAX_FAILURES } from '../core/summary';
import { openInput, UsageError } from '../inputs';
import { refuseLocal, stagedUnder } from '../inputs/staging';
import { followBatch, type Submission } from './follow';
import { samplesFolder } from './places';
import { isRemote, type Session } from './session';
import type { BatchOptions } from './ui/options';
import type { View } from './ui/view';

/**
 * Everything about the submission that is known before its first item, and before anything is started.
 * @throws UsageError where remote workers could not read the sources or write the outputs
 */
export function planSubmission(config: Config, options: BatchOptions): Submission {
  const batchId = options.batchId ?? defaultBatchId(options.input.name, options.preset, options.output);
  const { output = config.outputDefault, staging, sharedFiles } = options;
  if (isRemote(config) && !sharedFiles) checkReach(options, output);
  const ownOutput = staging === undefined || !isRemote(config) ? fileUri(config.home) : staging;
  const now = new Date();
  return {
    batchId,
    outputs: output ?? joinUri(ownOutput, 'outputs', batchId),
    tally: emptyTally(),
    refused: [],
    final: false,
    startedAt: now,
    since: now,
  };
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
  const { batchId, outputs, tally, refused } = submission;
  const samples = samplesFolder(config);
  const entries = openInput(options.input, { storage, samples, except: outputs, cwd: process.cwd(), signal });
  let clockIsKnown = false;
  await submitStream({ client, storage, queuePrefix, presets }, entries, {
    defaults: { batchId, output: outputs, preset: options.preset, priority: options.priority },
    concurrency: options.concurrency,
    force: options.force,
    signal,
    tally,
    prepare: bringer(session, options),
    onProblem: (problem) => void (refused.length < MAX_FAILURES && refused.push({ ...problem })),
    onStarted: ({ itemKey }) => {
      if (clockIsKnown) return;
      clockIsKnown = true;
      void clockSkew(client, `${batchId}/${itemKey}`).then(
        (skew) => void (submission.since = new Date(submission.startedAt.getTime() + skew)),
        // Then the two clocks count as one.
        () => {},
      );
    },
  });
  submission.final = true;
}

/** How local files get to remote workers. */
function bringer({ storage, config }: Session, { staging, sharedFiles }: BatchOptions) {
  if (staging !== undefined) return stagedUnder(joinUri(staging, 'sources'), storage, config.maxSourceBytes);
  return isRemote(config) && !sharedFiles ? refuseLocal : undefined;
}
