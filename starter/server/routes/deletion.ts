import { z } from 'zod';
import { runningQuery } from '../../../temporal/batches/query';
import { stateOf } from '../../../temporal/batches/runs';
import { joinUri } from '../../../storage';
import { deleteAll, type DeletionState } from '../../core/deletion';
import { findBatch, findJob, findPublished } from '../guard/access';
import type { App } from '../app-type';
import type { DeletionInput } from '../../../common/deletion';
import type { Principal } from '../guard/auth';
import { parseJobId } from '../guard/ids';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { bounded } from '../submit';

/** ms for which an answer waits for the end of a deletion. */
const WAIT_MS = 5_000;

/** What a deletion has come to. */
export const deletedAnswer = z.object({
  state: z.enum(['running', 'completed']).describe('completed: everything is deleted'),
  runs: z.int().optional().describe('Runs whose history was deleted'),
  files: z.int().optional().describe('Files that were deleted, manifests included'),
});

/** Deletes jobs with everything that they made. What was uploaded for them has a time of its own. */
export function deletionRoutes(app: App, service: Service): void {
  const { client, queuePrefix } = service;
  const response = {
    200: deletedAnswer,
    202: deletedAnswer.describe('A worker goes on with it'),
    ...failures(401, 404, 409, 503),
  };

  app.delete(
    '/v1/jobs/:id',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Delete its files and its history; a job that is open has to be cancelled first',
        params: s.jobParams,
        response,
      },
    },
    async (request, reply) => {
      const { principal, params } = request;
      const input = await deletionOf(service, principal, params.id);
      const deleted = await deleteAll(client, queuePrefix, input, WAIT_MS);
      request.audit = counts(deleted);
      return reply.code(deleted.state === 'completed' ? 200 : 202).send(deleted);
    },
  );

  app.delete(
    '/v1/batches/:id',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Delete the files and histories of its jobs; open ones have to be cancelled first',
        params: s.batchParams,
        response,
      },
    },
    async (request, reply) => {
      const batchId = await findBatch(service, request.principal, request.params.id);
      const { count } = await bounded(service, () => client.workflow.count(runningQuery(batchId)));
      if (count > 0) throw new ApiError('JobOpen', `${count} of its jobs are open: cancel them first.`);
      const deleted = await deleteAll(client, queuePrefix, { batchId }, WAIT_MS);
      request.audit = counts(deleted);
      return reply.code(deleted.state === 'completed' ? 200 : 202).send(deleted);
    },
  );
}

/** @throws ApiError JobOpen; NoSuchJob for what neither Temporal knows nor a manifest names */
async function deletionOf(service: Service, principal: Principal, id: string): Promise<DeletionInput> {
  const { batchId, itemKey } = parseJobId(id);
  try {
    const run = await findJob(service, principal, id);
    if (stateOf(run) === 'open') throw new ApiError('JobOpen', 'The job is open: cancel it first.');
    return { batchId, itemKey };
  } catch (error) {
    if (!(error instanceof ApiError && error.type === 'NoSuchJob')) throw error;
    if ((await findPublished(service, principal, id)) === undefined) throw error;
    return { batchId, itemKey, output: joinUri(service.places.outputsOf(principal.tenant, batchId), itemKey) };
  }
}

function counts({ runs, files }: DeletionState): Record<string, number> {
  return { ...(runs !== undefined && { runs }), ...(files !== undefined && { files }) };
}
