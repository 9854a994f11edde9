import type { z } from 'zod';
import { forEachBounded } from '../../core/lib/pool';
import { parseJob } from '../../core/job';
import { workflowId } from '../../../common/contracts';
import type { App } from '../app';
import type { Principal } from '../guard/auth';
import { lineProblem } from '../http/failures';
import { batchIdFor, jobId } from '../guard/ids';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { admit, countRefusal, prepare, start } from '../submit';

/** Where jobs of these routes are. */
const BATCH = 'produce';
const CONCURRENCY = 32;

type Message = z.output<typeof s.produceBody>;

/** The shape that existing producers speak: `{id, payload}` and `{messages: […]}`, the payload being the source. */
export function aliasRoutes(app: App, service: Service): void {
  app.post(
    '/produce',
    {
      schema: {
        tags: ['Aliases'],
        summary: 'POST /v1/jobs in the shape of a message',
        body: s.produceBody,
        response: { 202: s.produceAnswer, ...failures(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      await admit(service, request.principal, 1);
      return reply.code(202).send(await produce(service, request.principal, request.body));
    },
  );
  app.post(
    '/batch-produce',
    {
      bodyLimit: s.MAX_BATCH_BODY,
      schema: {
        tags: ['Aliases'],
        summary: 'POST /v1/batches in the shape of messages',
        body: s.batchProduceBody,
        response: { 202: s.batchProduceAnswer, ...failures(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      const { messages } = request.body;
      await admit(service, request.principal, messages.length);
      const results: z.output<typeof s.batchProduceAnswer>['results'] = [];
      await forEachBounded(messages.entries(), CONCURRENCY, async ([index, message]) => {
        try {
          results[index] = await produce(service, request.principal, message);
        } catch (error) {
          const { problem, fatal } = lineProblem(error);
          if (fatal) throw error;
          results[index] = { id: message.id, status: 'rejected', error: { ...problem } };
        }
      });
      return reply.code(202).send({ accepted: results.filter(({ status }) => status !== 'rejected').length, results });
    },
  );
}

async function produce(service: Service, principal: Principal, { id, payload }: Message) {
  try {
    const source = typeof payload === 'string' ? payload : payload.source;
    const settings = { batchId: batchIdFor(principal.tenant, BATCH), mode: 'batch' } as const;
    const item = await prepare(service, principal, parseJob({ id, source }), settings);
    const status = await start(service, item, 'produce');
    return { id: jobId(workflowId(item.batchId, item.itemKey)), status };
  } catch (error) {
    countRefusal(service, error);
    throw error;
  }
}
