import { mkdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { WorkItem } from '../common/contracts';
import { KINDS } from '../common/kinds';
import { DarkroomError, tail, type ErrorType } from '../common/errors';
import type { Logger } from '../common/logger';
import { Meter } from '../common/meter';
import { watermarksOf } from '../media/presets';
import { Places, printable } from '../storage';
import { quarantined } from './deaths/evidence';
import { Recorder } from './deaths/recorder';
import { takeTurn } from './deaths/turn';
import type { ActivityDeps } from './deps';
import { isActivity, poolOf } from './registry';
import { throwIfPaused } from './held';
import type { Writer } from './names';
import { Pulse } from './pulse';
import { Created } from './removal';
import { Stages } from './stages';

/** What the work of one attempt gets. */
export interface Attempt {
  /** Aborted on cancellation, lost heartbeat, a stall and at the end of the worker's shutdown grace. */
  signal: AbortSignal;
  /** A folder for this attempt alone; removed at its end, however it ends. */
  workDir: string;
  log: Logger;
  /** Hash of the source, once fetched. */
  sourceSha256?: string;
  /** Which attempt this is: goes into the names of its outputs. */
  writer: Writer;
  /** What it has put into storage; removed if it fails. */
  created: Created;
  /** Tells the clock that something moved, and the server with the next heartbeat what it was. */
  progress: (details: object) => void;
  /** See {@link Pulse.within}. */
  within<T>(step: string, limitMs: number, work: () => Promise<T>): Promise<T>;
  /** See {@link Pulse.throwIfOver}. */
  throwIfOver(): void;
  stages: Stages;
  /** What it runs is counted here. */
  meter: Meter;
  activity: string;
  /** Unique in its run; files name their receipt by it. */
  receiptId: string;
}

/**
 * Runs the body of an activity: a work folder before, the error table after, and log and metrics around it.
 * Everything else in activities/ is about media only.
 */
export async function runAttempt<T>(
  deps: ActivityDeps,
  item: WorkItem,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const { info } = context;
  const log = deps.logger.child({
    workflowId: info.workflowExecution?.workflowId,
    activity: info.activityType,
    attempt: info.attempt,
  });
  await throwIfPaused(context);
  if (info.attempt > 1) deps.metrics.darkroom_activity_retries_total.inc({ activity: info.activityType });
  const releaseSlot = occupySlot(deps, item);
  const recorder = new Recorder(info.heartbeatDetails);
  const pulse = new Pulse(context, deps.config.ioStall, info.heartbeatTimeoutMs, recorder);
  // Of the first attempt at an image the server hears only if that takes a while: most do not, and each heartbeat is a write.
  if (info.attempt > 1 || item.kind === 'video') pulse.tell();
  const workDir = path.join(deps.config.scratchDir, randomUUID());
  const attempt: Attempt = {
    signal: pulse.signal,
    workDir,
    log,
    writer: { runId: info.workflowExecution?.runId ?? '', activityId: info.activityId, attempt: info.attempt },
    created: new Created(),
    get sourceSha256() {
      return recorder.sourceSha256;
    },
    set sourceSha256(sha256) {
      recorder.sourceSha256 = sha256;
    },
    stages: new Stages(deps.metrics),
    meter: new Meter(),
    activity: info.activityType,
    receiptId: `${info.activityType}-${info.activityId}`,
    progress: (details) => pulse.progress(details),
    within: (step, limitMs, work) => pulse.within(step, limitMs, work),
    throwIfOver: () => pulse.throwIfOver(),
  };
  attempt.meter.call(workDir, '{work}');
  let endTurn: (() => void) | undefined;
  try {
    pulse.throwIfOver();
    await checkFence(deps, item);
    if (recorder.deaths.length > 0) log.warn({ deaths: recorder.deaths }, 'workers died in earlier attempts');
    if (recorder.verdict === 'quarantine') throw await quarantined(deps.storage, item, recorder.deaths);
    endTurn = await takeTurn(recorder, pulse, deps.config.suspectUptime);
    await makeWorkDir(workDir);
    return await attempt.meter.run(() => work(attempt));
  } catch (error) {
    pulse.conclude();
    await attempt.created.discard(deps.storage, log);
    // An attempt counts as cancelled only by the SDK's own failure, whatever the tools said while being killed.
    if (context.cancellationSignal.aborted) {
      log.info({ reason: context.cancellationSignal.reason as unknown }, 'attempt cancelled');
      context.cancellationSignal.throwIfAborted();
    }
    if (error instanceof CancelledFailure) throw error;
    throw toFailure(pulse.stalled ?? error, deps, item, attempt);
  } finally {
    pulse.stop();
    endTurn?.();
    releaseSlot();
    await rm(workDir, { recursive: true, force: true }).catch((error: unknown) =>
      log.warn({ error, workDir }, 'work folder not removed'),
    );
  }
}

/** Shows the slot of the activity's pool as used until the returned function is called. */
function occupySlot(deps: ActivityDeps, item: WorkItem): () => void {
  const { activityType } = Context.current().info;
  const pool = isActivity(activityType) ? poolOf(activityType, item.kind) : KINDS[item.kind].pool;
  deps.metrics.darkroom_slots_used.inc({ pool });
  deps.metrics.darkroom_slots_available.dec({ pool });
  return () => {
    deps.metrics.darkroom_slots_used.dec({ pool });
    deps.metrics.darkroom_slots_available.inc({ pool });
  };
}

/**
 * What the API has checked, asked again where the files are: only here can links on the worker's disks be followed.
 * @throws DarkroomError SourceForbidden or OutputForbidden
 */
export async function checkFence(
  { config }: ActivityDeps,
  {
    confined,
    tenant,
    source,
    inputs = [],
    output,
    preset,
  }: Pick<WorkItem, 'confined' | 'tenant' | 'source' | 'inputs' | 'output' | 'preset'>,
): Promise<void> {
  if (!confined) return;
  const places = new Places(config);
  for (const uri of [source, ...inputs.map((input) => input.source)]) await places.checkSource(tenant, uri);
  // A preset of a file is the operator's, who may lay anything on anybody's pictures.
  if (preset.adjusted) for (const uri of watermarksOf(preset)) await places.checkSource(tenant, uri);
  await places.checkOutput(tenant, output);
}

async function makeWorkDir(workDir: string): Promise<void> {
  try {
    await mkdir(workDir, { recursive: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new DarkroomError('StorageUnavailable', 'The scratch disk cannot be written to.', { code });
  }
}

/** A host on the web that is away may come back; one that answers and drips will drip the next time as well. */
const MAX_SLOW_TRIES = 8;

/** Any error as the failure that Temporal records: type from the table, one sentence, capped evidence. */
function toFailure(error: unknown, deps: ActivityDeps, item: WorkItem, attempt: Attempt): ApplicationFailure {
  const known = error instanceof DarkroomError ? error : unexpected(error);
  const isTooSlow = known.details['drips'] === true && attempt.writer.attempt >= MAX_SLOW_TRIES;
  const message = isTooSlow ? `${known.message} It was tried ${attempt.writer.attempt} times.` : known.message;
  const type: ErrorType = known.type;
  deps.metrics.darkroom_errors_total.inc({ kind: item.kind, type });
  const { childKilled, reason } = known.details;
  if (childKilled === true) deps.metrics.darkroom_child_kills_total.inc({ reason: String(reason ?? 'crash') });
  const details = { ...known.details, sourceSha256: attempt.sourceSha256 };
  attempt.log[known.retryable ? 'warn' : 'info']({ type, details, source: printable(item.source) }, known.message);
  return ApplicationFailure.create({
    type,
    message,
    details: [details],
    nonRetryable: !known.retryable || isTooSlow,
  });
}

function unexpected(error: unknown): DarkroomError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new DarkroomError('InternalError', 'Something unexpected went wrong in Darkroom.', { error: tail(text) });
}
