import { z } from 'zod';
import { takeAll, type Entry } from '../../core/intake';
import { jobOrError } from '../../core/job';
import { named } from '../../core/keys';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { answerFor } from '../http/failures';
import { batchIdFor } from '../guard/ids';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { admit, countRefusal, intakeOf, jobIdOf, type Settings } from '../submit';

/** Where jobs of these routes are. */
const BATCH = 'produce';
const CONCURRENCY = 32;

const produceBody = z.object({
  id: z.string().min(1).max(500).optional(),
  payload: z.union([z.string().max(8192), z.object({ source: z.string().max(8192) })]).describe('The source'),
});
const batchProduceBody = z.object({ messages: z.array(produceBody).min(1).max(s.MAX_JOBS) });
const produceAnswer = z.object({ id: z.string(), status: z.string() });
const batchProduceAnswer = z.object({
  accepted: z.int(),
  results: z.array(z.object({ id: z.string().optional(), status: z.string(), error: s.problemAnswer.optional() })),
});

type Message = z.output<typeof produceBody>;

/** The shape that existing producers speak: `{id, payload}` and `{messages: […]}`, the payload being the source. */
export function aliasRoutes(app: App, service: Service): void {
  app.post(
    '/produce',
    {
      config: { submits: true },
      schema: {
        tags: ['Aliases'],
        summary: 'POST /v1/jobs in the shape of a message',
        body: produceBody,
        response: { 202: produceAnswer, ...failures(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      await admit(service, request.principal, 1);
      const answer = await produce(service, request.principal, request.body);
      request.audit = { job: answer.id, submitted: answer.status };
      return reply.code(202).send(answer);
    },
  );
  app.post(
    '/batch-produce',
    {
      bodyLimit: s.MAX_BATCH_BODY,
      config: { submits: true },
      schema: {
        tags: ['Aliases'],
        summary: 'POST /v1/batches in the shape of messages',
        body: batchProduceBody,
        response: { 202: batchProduceAnswer, ...failures(400, 401, 403, 413, 429, 503) },
      },
    },
    async (request, reply) => {
      const { messages } = request.body;
      await admit(service, request.principal, messages.length);
      const settings = settingsOf(request.principal);
      const results: z.output<typeof batchProduceAnswer>['results'] = [];
      const entries = messages.map((message, place): Entry => ({ place, name: String(place), job: jobOf(message) }));
      const places = (first: number, second: number): string => `messages[${first}] and messages[${second}]`;
      const intake = { ...intakeOf(service, request.principal, settings, 'produce'), places };
      await takeAll(entries, intake, {
        concurrency: CONCURRENCY,
        onTaken: (taken, { place = 0 }) => {
          if (taken.status !== 'rejected') {
            results[place] = { id: jobIdOf(settings, taken.key), status: taken.status };
            return;
          }
          countRefusal(service, taken.error);
          const error = { ...answerFor(taken.error).problem };
          results[place] = { id: messages[place]?.id, status: 'rejected', error };
        },
      });
      const accepted = results.filter(({ status }) => status !== 'rejected').length;
      request.audit = { batch: settings.batchId, accepted, rejected: results.length - accepted };
      return reply.code(202).send({ accepted, results });
    },
  );
}

function settingsOf({ tenant }: Principal): Settings {
  return { batchId: batchIdFor(tenant, BATCH), mode: 'batch' };
}

function jobOf({ id, payload }: Message) {
  return jobOrError({ id, source: typeof payload === 'string' ? payload : payload.source });
}

async function produce(service: Service, principal: Principal, message: Message) {
  try {
    const settings = settingsOf(principal);
    const job = jobOf(message);
    if (job instanceof Error) throw job;
    const { submit, names } = intakeOf(service, principal, settings, 'produce');
    const { key, status } = await submit(named(job, names));
    return { id: jobIdOf(settings, key), status };
  } catch (error) {
    countRefusal(service, error);
    throw error;
  }
}
