import { createHash, randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { takeAll, type Entry } from '../../core/intake';
import { jobOrError } from '../../core/job';
import { findBatch } from '../guard/access';
import { answerBatch, batchLinks } from '../answers';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { answerFor } from '../http/failures';
import { batchIdFor } from '../guard/ids';
import { answerNdjson, NDJSON } from '../http/ndjson';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import {
  admit,
  bounded,
  checkCallbackOf,
  countRefusal,
  intakeOf,
  jobIdOf,
  watchSubmitted,
  type Settings,
} from '../submit';

/** Submissions at once for one request; others want their share of the connection. */
export const CONCURRENCY = 32;

export function batchRoutes(app: App, service: Service): void {
  app.post(
    '/v1/batches',
    {
      bodyLimit: s.MAX_BATCH_BODY,
      config: { streaming: true, submits: true },
      schema: {
        tags: ['Batches'],
        summary: 'Submit a batch: up to 10,000 jobs as JSON, or up to 1,000,000 as NDJSON, answered line by line',
        consumes: ['application/json', NDJSON],
        body: { content: { 'application/json': { schema: s.batchBody } } } as unknown as typeof s.batchBody,
        querystring: s.batchQuery,
        headers: s.submitHeaders,
        response: { 202: s.batchSubmitted, ...failures(400, 401, 403, 413, 429, 503) },
      },
    },
    async (request, reply) => {
      const key = request.headers['idempotency-key'];
      const given = request.body instanceof Object && 'jobs' in request.body ? request.body : undefined;
      const settings = settingsOf(request.principal, { ...request.query, ...given }, key);
      if (settings.callbackUrl !== undefined) checkCallbackOf(service, request.principal, settings.callbackUrl);
      if (given === undefined) return answerNdjson(service, request, reply, settings);
      const answer = await submitAll(service, request.principal, given.jobs, settings);
      request.audit = { batch: answer.id, ...countsOf(answer) };
      void reply.header('location', answer.links.self ?? '');
      return reply.code(202).send(answer);
    },
  );

  app.get(
    '/v1/batches/:id',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Counts by state, rate, time left and latency',
        params: s.batchParams,
        response: { 200: s.batchAnswer, ...failures(401, 404, 503) },
      },
    },
    async ({ principal, params }) => {
      const id = await findBatch(service, principal, params.id);
      return bounded(service, () => answerBatch(service, id));
    },
  );
}

/** For the log. */
function countsOf({ started, joined, skipped, rejected }: z.output<typeof s.batchSubmitted>) {
  return { started, joined, skipped, rejected };
}

type Given = Pick<z.output<typeof s.batchBody>, 'id' | 'preset' | 'output' | 'priority' | 'callbackUrl'>;

function settingsOf(principal: Principal, given: Given, idempotencyKey: string | undefined): Settings {
  const { id, preset, output, priority, callbackUrl } = given;
  const name = id ?? (idempotencyKey === undefined ? madeUpName() : keyName(idempotencyKey));
  const { tenant } = principal;
  return { batchId: batchIdFor(tenant, name), tenant, preset, output, priority, callbackUrl, mode: 'batch' };
}

function madeUpName(): string {
  return `batch-${new Date().toISOString().slice(0, 10)}-${randomBytes(4).toString('hex')}`;
}

function keyName(key: string): string {
  return `key-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
}

/** A bad job is an error at its place; the others go on. */
async function submitAll(service: Service, principal: Principal, jobs: unknown[], settings: Settings) {
  await admit(service, principal, jobs.length);
  const errors: z.output<typeof s.batchSubmitted>['errors'] = [];
  const taken: z.output<typeof s.batchSubmitted>['jobs'] = [];
  const entries = jobs.map((value, place): Entry => ({ place, name: String(place), job: jobOrError(value) }));
  const places = (first: number, second: number): string => `jobs[${first}] and jobs[${second}]`;
  const intake = { ...intakeOf(service, principal, settings, 'batch'), places };
  const tally = await takeAll(entries, intake, {
    concurrency: CONCURRENCY,
    onTaken: (outcome, { place: index = 0 }) => {
      if (outcome.status !== 'rejected') {
        const of = outcome.status === 'duplicate' ? outcome.of : undefined;
        taken.push({ index, id: jobIdOf(settings, outcome.key), status: outcome.status, of });
        return;
      }
      countRefusal(service, outcome.error);
      errors.push({ index, error: { ...answerFor(outcome.error).problem } });
    },
  }).catch((error: unknown) => {
    countRefusal(service, error);
    throw error;
  });
  await watchSubmitted(service, settings, tally);
  for (const list of [errors, taken]) list.sort((a, b) => a.index - b.index);
  return { id: settings.batchId, ...tally, jobs: taken, errors, links: batchLinks(settings.batchId) };
}
