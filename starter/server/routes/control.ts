import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { describeBatchOperation, isOperationOf } from '../../../temporal/batch-operation';
import { describeChange, isChange } from '../../core/change';
import { controlBatch, controlItem, type Control } from '../../core/control';
import { isNotFound } from '../../../temporal/grpc';
import { retryBatch, retryItem } from '../../core/retry';
import { findBatch, findJob } from '../guard/access';
import type { App } from '../app-type';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { ApiError } from '../http/problems';
import { admit, bounded, checkPriority } from '../submit';

type Name = 'cancel' | 'pause' | 'resume' | 'priority';

const CONTROLS: Record<Name, string> = {
  cancel: 'what runs is stopped and leaves nothing behind',
  pause: 'nothing that is queued starts, and what runs runs to its end',
  resume: 'goes on after a pause',
  priority: 'what is queued moves at once',
};

/** Cancel, pause, resume, priority, restart and retry, of one job and of a whole batch. The answer tells what changed. */
export function controlRoutes(app: App, service: Service): void {
  const { client, changes } = service;
  const problems = failures(400, 401, 403, 404, 429, 501, 503);
  for (const [name, meaning] of Object.entries(CONTROLS) as [Name, string][]) {
    const title = `${name[0]?.toUpperCase()}${name.slice(1)}`;
    const body = name === 'priority' ? { body: s.priorityBody } : {};
    const response = { 200: s.changedAnswer, ...problems };
    app.post(
      `/v1/jobs/:id/${name}`,
      { schema: { tags: ['Jobs'], summary: `${title} of a job: ${meaning}`, params: s.jobParams, ...body, response } },
      async (request) => {
        const { workflowId } = await findJob(service, request.principal, request.params.id);
        return audited(request, await controlItem(client, controlOf(name, request), workflowId));
      },
    );
    app.post(
      `/v1/batches/:id/${name}`,
      {
        schema: {
          ...{ tags: ['Batches'], summary: `${title} of its open jobs: ${meaning}`, params: s.batchParams, ...body },
          response: { ...response, 202: s.changedAnswer.describe('The server goes on with it') },
        },
      },
      async (request, reply) => {
        const id = await findBatch(service, request.principal, request.params.id);
        const control = controlOf(name, request);
        const changed = await controlBatch(client, control, id, { ...changes, queuePrefix: service.queuePrefix });
        return reply.code(changed.operation === undefined ? 200 : 202).send(audited(request, changed));
      },
    );
  }

  app.get(
    '/v1/batches/:id/operations/:operation',
    {
      schema: {
        tags: ['Batches'],
        summary: 'How far a change of many jobs is that goes on by itself',
        params: s.operationParams,
        response: { 200: s.operationAnswer, ...failures(401, 404, 503) },
      },
    },
    async ({ principal, params: { id: name, operation } }) => {
      const id = await findBatch(service, principal, name);
      if (!isOperationOf(id, operation)) throw noSuchOperation(operation);
      const look = async () =>
        isChange(operation)
          ? (await describeChange(client, operation)).look
          : describeBatchOperation(client, operation);
      return bounded(service, look).catch((error: unknown) => {
        throw isNotFound(error) ? noSuchOperation(operation) : error;
      });
    },
  );

  app.post(
    '/v1/jobs/:id/restart',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Have the steps that run, or wait for another attempt, begin again; those that are done stay',
        params: s.jobParams,
        response: { 200: s.changedAnswer, ...problems },
      },
    },
    async (request) => {
      const { workflowId } = await findJob(service, request.principal, request.params.id);
      return audited(request, await controlItem(client, 'restart', workflowId));
    },
  );

  const response = { 200: s.retriedAnswer, ...problems };
  app.post(
    '/v1/jobs/:id/retry',
    { schema: { tags: ['Jobs'], summary: 'Run it again, with the input it had', params: s.jobParams, response } },
    async (request) => {
      const { workflowId } = await findJob(service, request.principal, request.params.id);
      await admit(service, request.principal, 1);
      const retried = await retryItem(service, workflowId);
      service.tenantJobs.correct(request.principal.tenant, 1 - retried.restarted);
      return audited(request, retried);
    },
  );
  app.post(
    '/v1/batches/:id/retry',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Run its failed or its cancelled jobs again',
        params: s.batchParams,
        querystring: s.retryQuery,
        response: { ...response, 202: s.retriedAnswer.describe('A worker goes on with it') },
      },
    },
    async (request, reply) => {
      const { state } = request.query;
      const id = await findBatch(service, request.principal, request.params.id);
      await admit(service, request.principal, 1);
      const retried = await retryBatch(service, id, state, changes);
      const { operation } = retried;
      const restarted = operation === undefined ? retried.restarted : operation.total - operation.failed;
      request.principal.jobs?.charge(restarted - 1);
      service.tenantJobs.correct(request.principal.tenant, 1 - restarted);
      return reply.code(operation === undefined ? 200 : 202).send(audited(request, retried));
    },
  );
}

/** @throws ApiError NotAllowed where the key's jobs may not go before others so far */
function controlOf(name: Name, { principal, body }: FastifyRequest): Control {
  if (name !== 'priority') return name;
  const { priority } = body as z.output<typeof s.priorityBody>;
  checkPriority(principal, priority);
  return { priority };
}

function noSuchOperation(id: string): ApiError {
  return new ApiError('NotFound', `There is no operation "${id.slice(0, 120)}" of this batch.`);
}

/** Puts the counts into the request's line in the log. */
function audited<T extends object>(request: FastifyRequest, counts: T): T {
  const numbers = Object.entries(counts).filter(([, value]) => typeof value === 'number');
  request.audit = Object.fromEntries(numbers);
  return counts;
}
