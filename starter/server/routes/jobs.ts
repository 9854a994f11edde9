import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { workflowId, type WorkItem } from '../../../common/contracts';
import { WorkflowFailedError } from '@temporalio/client';
import { awaitItem } from '../../core/await';
import { describeItem } from '../../core/control';
import { playablePath } from '../../core/view/item';
import { sleepUnlessAborted } from '../../../common/sleep';
import { parseJob } from '../../core/job';
import { wishKey } from '../../core/keys';
import type { Submitted } from '../../core/submit';
import { findJob, findPublished, findRun } from '../guard/access';
import { answerJob, answerPublished, type JobAnswer } from '../answers';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { batchIdFor, jobId, SINGLE_JOBS } from '../guard/ids';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { admit, assertSameRequest, bounded, countRefusal, prepare, start } from '../submit';

/** Somebody waits for a single job: it goes before batches, which have 3. */
const INTERACTIVE_PRIORITY = 2;
/** What a caller waits for, and how long. */
type Wait = NonNullable<z.output<typeof s.waitQuery>['wait']>;
/** ms between two looks at whether a stream can be played. */
const LOOK_MS = 500;
const OPEN = new Set(['queued', 'running', 'paused']);

export function jobRoutes(app: App, service: Service): void {
  app.post(
    '/v1/jobs',
    {
      config: { submits: true },
      schema: {
        tags: ['Jobs'],
        summary: 'Submit one image or video',
        body: s.jobBody,
        querystring: s.jobQuery,
        headers: s.submitHeaders,
        response: { 200: s.jobAnswer, 202: s.jobAnswer, ...failures(400, 401, 403, 409, 429, 503) },
      },
    },
    async (request, reply) => {
      try {
        const { batch, ...body } = request.body;
        const key = request.headers['idempotency-key'];
        const { item, outcome } = await submitSingle(service, request.principal, parseJob(body), {
          ...{ batch, key },
          force: request.query.force === 'true',
        });
        const answer = await settle(service, request.principal, item, outcome, request.query.wait);
        request.audit = { job: answer.id, submitted: outcome };
        void reply.header('location', answer.links['self'] ?? '');
        return await reply.code(OPEN.has(answer.state) ? 202 : 200).send({ ...answer, submitted: outcome });
      } catch (error) {
        countRefusal(service, error);
        throw error;
      }
    },
  );

  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'State, progress, error and manifest of a job',
        params: s.jobParams,
        response: { 200: s.jobAnswer, ...failures(401, 404, 503) },
      },
    },
    ({ principal, params }) => readJob(service, principal, params.id),
  );

  app.get(
    '/v1/jobs/:id/result',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'The same, held until the job is done (or its stream can be played) or the time is up',
        params: s.jobParams,
        querystring: s.waitQuery,
        response: { 200: s.jobAnswer, 202: s.jobAnswer, ...failures(400, 401, 404, 503) },
      },
    },
    async ({ principal, params, query }, reply) => {
      let answer = await readJob(service, principal, params.id);
      if (OPEN.has(answer.state) && query.wait) {
        if (!(await waitFor(service, principal, answer.id, query.wait))) {
          throw new ApiError('TooManyStreams', 'Too many answers are held here.', { retryAfterSeconds: 10 });
        }
        answer = await readJob(service, principal, params.id);
      }
      return reply.code(OPEN.has(answer.state) ? 202 : 200).send(answer);
    },
  );
}

/** One job for somebody who waits. Without an id of its own, the same wish is the same job. */
export async function submitSingle(
  service: Service,
  principal: Principal,
  job: ReturnType<typeof parseJob>,
  options: { batch?: string; key?: string; force?: boolean; source?: string },
): Promise<{ item: WorkItem; outcome: Submitted }> {
  await admit(service, principal, 1);
  const { batch = SINGLE_JOBS, key, force } = options;
  const given = job.id ?? (key === undefined ? undefined : `key-${digest(key)}`);
  const id = given ?? wishKey(job, service.config.itemNames);
  const batchId = batchIdFor(principal.tenant, batch);
  const settings = { batchId, mode: 'interactive', priority: INTERACTIVE_PRIORITY } as const;
  const item = await prepare(service, principal, { ...job, id }, settings);
  if (key !== undefined && job.id === undefined) await assertSameRequest(service, item);
  const { status } = await start(service, item, options.source ?? 'api', { force });
  return { item, outcome: status };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

async function settle(
  service: Service,
  who: Principal,
  item: WorkItem,
  outcome: Submitted,
  wait: Wait | undefined,
): Promise<JobAnswer> {
  // What is published tells, whatever Temporal remembers.
  const found = outcome === 'skipped' ? await service.storage.readManifest(item.output) : undefined;
  if (found !== undefined) return answerPublished(service, found.manifest);
  const id = jobId(workflowId(item.batchId, item.itemKey));
  if (wait) await waitFor(service, who, id, wait);
  const run = await findRun(service, who, id);
  return bounded(service, () => answerJob(service, run));
}

async function readJob(service: Service, principal: Principal, id: string): Promise<JobAnswer> {
  try {
    const run = await findJob(service, principal, id);
    return await bounded(service, () => answerJob(service, run));
  } catch (error) {
    if (!(error instanceof ApiError && error.type === 'NoSuchJob')) throw error;
    const manifest = await findPublished(service, principal, id);
    if (manifest === undefined) throw error;
    return answerPublished(service, manifest);
  }
}

/**
 * Returns when the job is done, the time is up, or this server is about to stop. A failure is told by the answer.
 * @returns false at once where too many answers are held already
 */
async function waitFor(service: Service, { tenant }: Principal, id: string, wait: Wait): Promise<boolean> {
  const leave = service.seats.waits.take(tenant);
  if (leave === undefined) return false;
  const enough = new AbortController();
  const limit = AbortSignal.any([service.stopping, AbortSignal.timeout(wait.ms), enough.signal]);
  const name = id.replace('~', '/');
  if (wait.isPlayableEnough) void untilPlayable(service, name, limit).then(() => enough.abort());
  try {
    await awaitItem(service.client, name, { signal: limit });
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) && !limit.aborted) throw error;
  } finally {
    enough.abort();
    leave();
  }
  return true;
}

/** Looks until the job's stream can be played, or the signal says that nobody waits any more; never throws. */
async function untilPlayable(service: Service, name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const run = await describeItem(service.client, name).catch(() => undefined);
    if (run && playablePath(run) !== undefined) return;
    await sleepUnlessAborted(LOOK_MS, signal).catch(() => undefined);
  }
}
