import type { MediaJob, Priority, SubmitMode, WorkItem } from '../../common/contracts';
import { workflowId } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { pixelsAsked, watermarksOf } from '../../media/presets';
import { checkCallback } from '../../net/post';
import { describeItem } from '../core/control';
import { cachedPresets, resolveJob } from '../core/job';
import { isSameJob, submitItem, type Outcome } from '../core/submit';
import type { Intake, Tally } from '../core/intake';
import { Ledger } from '../core/ledger';
import { sleepUnlessAborted } from '../../common/sleep';
import { watchBatch } from '../../temporal/items/watch';
import type { Principal } from './guard/auth';
import { DEFAULT_TENANT, jobId } from './guard/ids';
import { answerFor } from './http/failures';
import { ApiError } from './http/problems';
import type { Service } from './service';

/** The caller waits for the answer, so a Temporal that is away is told of rather than waited for, ms. */
const CALL_MS = 5_000;
const RETRY_MS = 2_000;
/** ms that a stream of jobs waits for room; its connection would be given up after ten minutes. */
const ROOM_MS = 2 * 60_000;
const DEFAULT_PRESET = 'web';

/** What holds for all jobs of a request. */
export interface Settings {
  batchId: string;
  /** Of the caller's key. */
  tenant?: string;
  preset?: string;
  output?: string;
  priority?: Priority;
  /** Called when the whole batch has ended. */
  callbackUrl?: string;
  mode: SubmitMode;
}

/**
 * @param jobs 0: each is waited for by itself
 * @throws ApiError while no jobs are taken: Temporal away, key over its rate, tenant with too many open jobs, too much waiting
 */
export async function admit(service: Service, principal: Principal, jobs: number): Promise<void> {
  if (service.stopping.aborted) {
    throw new ApiError('Stopping', 'This server is about to stop; send it again.', { retryAfterSeconds: 1 });
  }
  service.temporal.require();
  await bounded(service, () => service.backlog.check());
  await bounded(service, () => service.tenantJobs.admit(principal, jobs));
  const seconds = principal.jobs?.take(jobs) ?? 0;
  if (seconds > 0) {
    service.tenantJobs.correct(principal.tenant, jobs);
    throw new ApiError('RateLimited', 'This key has sent more jobs than it may in a minute.', {
      retryAfterSeconds: seconds,
    });
  }
}

/**
 * Slows a stream down instead of refusing it: to its tenant's rate, however long that takes; for some minutes where there
 * is no room. A Temporal that is away is waited for by the start itself.
 * @throws ApiError Overloaded or TooManyOpen; the signal's reason
 */
async function waitForRoom(service: Service, principal: Principal, signal: AbortSignal): Promise<void> {
  let until = Date.now() + ROOM_MS;
  for (;;) {
    try {
      return await bounded(service, async () => {
        await service.backlog.check();
        await service.tenantJobs.admit(principal, 1);
      });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 429)) return;
      if (error.type === 'RateLimited') until = Date.now() + ROOM_MS;
      else if (Date.now() >= until) throw error;
    }
    await sleepUnlessAborted(RETRY_MS, signal);
  }
}

/**
 * A job as the workflow gets it, with everything checked that can be checked before it runs.
 * @throws DarkroomError or ApiError with the reason
 */
export async function prepare(
  service: Service,
  principal: Principal,
  job: MediaJob,
  settings: Settings,
): Promise<WorkItem> {
  const { tenant } = principal;
  if (tenant !== undefined && job.tenant !== undefined && job.tenant !== tenant) {
    throw new ApiError('NotAllowed', `This key is for the tenant "${tenant}" only.`);
  }
  const priority = job.priority ?? settings.priority;
  if (priority !== undefined) checkPriority(principal, priority);
  const output = job.output ?? settings.output;
  const sources = [job.source, ...(job.inputs ?? []).map((input) => input.source)];
  for (const uri of sources) service.storage.checkSource(uri);
  if (output !== undefined) service.storage.checkOutput(output);
  for (const uri of sources) await service.places.checkSource(tenant, uri);
  const item = await resolveJob(
    job,
    {
      ...settings,
      preset: settings.preset ?? DEFAULT_PRESET,
      output: output ?? service.places.outputsOf(tenant, settings.batchId),
      tenant: tenant ?? DEFAULT_TENANT,
    },
    service,
  );
  checkPixels(principal, job, item);
  await checkWatermarks(service, tenant, item);
  // Where the files land, item key included: the key of a folder above may name the very folder that is fenced off.
  if (output !== undefined) await service.places.checkOutput(tenant, item.output);
  if (item.callbackUrl !== undefined) checkCallbackOf(service, principal, item.callbackUrl);
  return tenant === undefined ? item : { ...item, confined: true, weight: principal.weight };
}

/**
 * Watermarks are sources; those of a preset of a file are the operator's, and lie with no tenant.
 * @throws DarkroomError SourceForbidden or InvalidJob that names the field
 */
async function checkWatermarks(service: Service, tenant: string | undefined, { preset }: WorkItem): Promise<void> {
  for (const uri of watermarksOf(preset)) {
    try {
      service.storage.checkSource(uri);
      if (preset.adjusted) await service.places.checkSource(tenant, uri);
    } catch (error) {
      if (!(error instanceof DarkroomError)) throw error;
      throw new DarkroomError(error.type, `watermark.source: ${error.message}`, error.details);
    }
  }
}

/** @throws ApiError NotAllowed for a priority that the key's jobs may not have */
export function checkPriority({ priority: best }: Pick<Principal, 'priority'>, priority: Priority): void {
  if (priority >= best) return;
  throw new ApiError('NotAllowed', `This key's jobs have priority ${best} at best, so not ${priority}.`);
}

/** @throws ApiError NotAllowed for a job whose own preset or options ask for more than the key's jobs may */
function checkPixels({ maxPixels = Infinity }: Principal, job: MediaJob, { preset }: WorkItem): void {
  const pixels = pixelsAsked(preset);
  if (!preset.adjusted || pixels <= maxPixels) return;
  const field = typeof job.preset === 'object' ? 'preset.image.renditions' : 'options';
  const asked = `the renditions ask for ${Math.ceil(pixels / 1e6)} million px in all`;
  throw new ApiError('NotAllowed', `${field}: ${asked}; jobs of this key may ask for ${maxPixels / 1e6}.`);
}

/** @throws DarkroomError where it may not be called, or could not be signed */
export function checkCallbackOf({ config }: Service, { callbackHosts }: Principal, url: string): void {
  if (config.webhookSecret === undefined) {
    throw new DarkroomError(
      'InvalidJob',
      'callbackUrl: this server has no secret to sign with (DARKROOM_WEBHOOK_SECRET).',
    );
  }
  checkCallback(config, url);
  if (callbackHosts !== undefined) checkCallback({ ...config, callbackHosts }, url);
}

/** Starts the item's run, or finds that there is no need to. `patient`: waits for a Temporal that is away. */
export async function start(
  service: Service,
  item: WorkItem,
  source: string,
  options: { force?: boolean; patient?: AbortSignal } = {},
): Promise<Outcome> {
  const { force, patient } = options;
  const outcome = await (patient === undefined
    ? bounded(service, () => submitItem(service, item, { force, limitMs: RETRY_MS }))
    : submitItem(service, item, { force, signal: patient }));
  if (outcome.status !== 'started') service.tenantJobs.correct(item.tenant, 1);
  service.metrics.darkroom_jobs_submitted_total.inc({ kind: item.kind, preset: item.preset.name, source });
  return outcome;
}

/** Asks for the call to the batch's callbackUrl, now that all of the batch is submitted. `patient`: as for `start`. */
export async function watchSubmitted(
  service: Service,
  { batchId, tenant, callbackUrl: url }: Settings,
  { started, joined, skipped }: Tally,
  patient?: AbortSignal,
): Promise<void> {
  if (url === undefined || started + joined + skipped === 0) return;
  const watch = { batchId, tenant, url, runs: started + joined };
  if (patient !== undefined) return watchBatch(service, watch, { signal: patient });
  await bounded(service, () => watchBatch(service, watch, { limitMs: RETRY_MS }));
}

/** For the metrics and the log; the caller passes the error on. */
export function countRefusal(service: Service, error: unknown): void {
  const { problem, refusal } = answerFor(error);
  if (refusal !== undefined) service.logger.warn({ reason: refusal }, 'Temporal refuses a job');
  service.metrics.darkroom_submit_errors_total.inc({ type: problem.code });
}

/** Jobs of one request that are compared with each other; a hostile caller gets about 80 MB of memory by as many. */
export const MAX_COMPARED = 1_000_000;

/**
 * How the jobs of one request are taken in.
 * @param source label of the metrics
 * @param patient waits for a Temporal that is away until this signal; absent: that ends the request
 */
export function intakeOf(
  service: Service,
  principal: Principal,
  settings: Settings,
  source: string,
  patient?: AbortSignal,
): Intake {
  const { preset = DEFAULT_PRESET, output, priority } = settings;
  const steady = { ...service, presets: cachedPresets(service.presets) };
  return {
    ledger: new Ledger(MAX_COMPARED),
    names: service.config.itemNames,
    defaults: { preset, output, priority },
    signal: patient,
    submit: async (job) => {
      if (patient !== undefined) {
        await principal.jobs?.wait(patient);
      }
      const item = await prepare(steady, principal, job, settings);
      if (patient !== undefined) await waitForRoom(service, principal, patient);
      return { ...(await start(service, item, source, { patient })), key: item.itemKey };
    },
  };
}

/** The job's id in answers. */
export function jobIdOf({ batchId }: Pick<Settings, 'batchId'>, key: string): string {
  return jobId(workflowId(batchId, key));
}

/**
 * An Idempotency-Key stands for one job, also when that has ended. Another job under it is a mistake of the caller's that
 * must not pass for success.
 * @throws DarkroomError Conflict
 */
export async function assertSameRequest(service: Service, item: WorkItem): Promise<void> {
  const run = await bounded(service, () =>
    describeItem(service.client, workflowId(item.batchId, item.itemKey)).catch((error: unknown) => {
      if (error instanceof DarkroomError) return undefined;
      throw error;
    }),
  );
  if (run === undefined || (await bounded(service, () => isSameJob(service.client, run, item)))) return;
  throw new DarkroomError('Conflict', 'This Idempotency-Key stands for a job with another source, preset or output.');
}

/** A few calls to Temporal, within the time that a caller waits. @throws ApiError TemporalUnavailable */
export function bounded<T>(service: Service, calls: () => Promise<T>): Promise<T> {
  service.temporal.require();
  return service.client.withDeadline(Date.now() + CALL_MS, calls);
}
