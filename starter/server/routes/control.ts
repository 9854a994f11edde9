import type { FastifyRequest } from 'fastify';
import { controlBatch, controlItem, type Control } from '../../core/control';
import { retryBatch, retryItem } from '../../core/retry';
import { findBatch, findJob } from '../guard/access';
import type { App } from '../app-type';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { admit } from '../submit';

const CONTROLS: Record<Control, string> = {
  cancel: 'what runs is stopped and leaves nothing behind',
  pause: 'nothing that is queued starts, and what runs runs to its end',
  resume: 'goes on after a pause',
};

/** Cancel, pause, resume and retry, of one job and of a whole batch. The answer tells what changed. */
export function controlRoutes(app: App, service: Service): void {
  const { client } = service;
  const problems = failures(400, 401, 404, 429, 501, 503);
  for (const [control, meaning] of Object.entries(CONTROLS) as [Control, string][]) {
    const name = `${control[0]?.toUpperCase()}${control.slice(1)}`;
    const response = { 200: s.changedAnswer, ...problems };
    app.post(
      `/v1/jobs/:id/${control}`,
      { schema: { tags: ['Jobs'], summary: `${name} a job: ${meaning}`, params: s.jobParams, response } },
      async (request) => {
        const { workflowId } = await findJob(service, request.principal, request.params.id);
        return audited(request, await controlItem(client, control, workflowId));
      },
    );
    app.post(
      `/v1/batches/:id/${control}`,
      {
        schema: { tags: ['Batches'], summary: `${name} its open jobs: ${meaning}`, params: s.batchParams, response },
      },
      async (request) => {
        const id = await findBatch(service, request.principal, request.params.id);
        return audited(request, await controlBatch(client, control, id));
      },
    );
  }

  const response = { 200: s.retriedAnswer, ...problems };
  app.post(
    '/v1/jobs/:id/retry',
    { schema: { tags: ['Jobs'], summary: 'Run it again, with the input it had', params: s.jobParams, response } },
    async (request) => {
      const { workflowId } = await findJob(service, request.principal, request.params.id);
      await admit(service, request.principal, 1);
      const retried = await retryItem(service, workflowId);
      service.openJobs.correct(request.principal.tenant, 1 - retried.restarted);
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
        response,
      },
    },
    async (request) => {
      const { state } = request.query;
      const id = await findBatch(service, request.principal, request.params.id);
      await admit(service, request.principal, 1);
      const retried = await retryBatch(service, id, state);
      request.principal.jobs?.charge(retried.restarted - 1);
      service.openJobs.correct(request.principal.tenant, 1 - retried.restarted);
      return audited(request, retried);
    },
  );
}

/** Puts the counts into the request's line in the log. */
function audited<T extends object>(request: FastifyRequest, counts: T): T {
  const numbers = Object.entries(counts).filter(([, value]) => typeof value === 'number');
  request.audit = Object.fromEntries(numbers);
  return counts;
}
