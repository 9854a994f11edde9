import { z } from 'zod';
import { CAMPAIGN_PHASES, MOST_AT_ONCE, MOST_CANARY, SETTLEMENTS, type Settlement } from '../../../common/campaign';
import { MEDIA_KINDS } from '../../../common/kinds';
import { awaitItem } from '../../core/await';
import {
  approveCampaign,
  campaignInput,
  describeCampaign,
  listCampaigns,
  settleOutcome,
  startCampaign,
  type CampaignView,
} from '../../core/campaign';
import type { App } from '../app-type';
import { findCampaign } from '../guard/access';
import { batchIdFor, jobId } from '../guard/ids';
import { failures } from '../http/route-docs';
import { batchName, batchParams, pageCursor, plainText } from '../http/schemas';
import type { Service } from '../service';
import { admit, bounded } from '../submit';

/** ms for which an answer waits for the end of a settlement, which goes on afterwards. */
const WAIT_MS = 5_000;

const share = z.number().min(0).max(1);
export const newCampaign = z.strictObject({
  preset: plainText(64).describe('Name of the preset to make them by'),
  where: z.strictObject({
    preset: plainText(64).optional(),
    batch: batchName.optional(),
    kind: z.enum(MEDIA_KINDS).optional(),
  }),
  canary: z.int().min(1).max(MOST_CANARY).optional(),
  atOnce: z.int().min(1).max(MOST_AT_ONCE).optional(),
  budgetCpuSeconds: z.number().positive().optional(),
  minSsim: share.optional(),
  maxBytesRatio: z.number().min(0).max(1000).optional(),
  maxFailures: share.optional(),
  approvesItself: z.boolean().optional(),
});

const links = z.record(z.string(), z.string());
const started = z.object({ id: z.string().describe('Also of the batch that its items form'), links });
export const campaignAnswer = started.extend({
  preset: z.string(),
  startedAt: z.string(),
  closedAt: z.string().optional(),
  phase: z.enum(CAMPAIGN_PHASES),
  paused: z.boolean().describe('true: no further item is made until it is resumed'),
  reason: z.string().optional(),
  made: z.int(),
  failed: z.int(),
  passedOver: z.int(),
  bytesBefore: z.number(),
  bytesAfter: z.number(),
  cpuSeconds: z.number(),
  compared: z.int(),
  lowestSsim: z.number().optional(),
  pairs: z.array(
    z.object({
      old: z.string(),
      made: z.string().describe('Id of the job that made it again; once adopted, the old job has its outputs'),
      ssim: z.number(),
      bytesBefore: z.number(),
      bytesAfter: z.number(),
    }),
  ),
  settled: z
    .object({ how: z.enum(SETTLEMENTS), items: z.int().optional().describe('Absent until all of them are changed') })
    .optional(),
});

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(50).default(20),
  cursor: pageCursor,
});
export const campaignsAnswer = z.object({
  campaigns: z.array(campaignAnswer),
  next: z.string().optional().describe('The cursor of the next page; a page may have fewer campaigns than asked for'),
});

const DECISIONS: Record<Settlement, string> = {
  rollback: 'Put the old outputs back, of an open campaign too, which ends; what was not adopted yet is removed',
  keep: 'Give the old outputs up; there is no way back',
};

/** A campaign's items are a batch: pause, resume and cancel are those of the batch with its id. */
export function campaignRoutes(app: App, service: Service): void {
  const { client, queuePrefix } = service;
  const tags = ['Campaigns'];
  const look = async (id: string) => answerOf(await bounded(service, () => describeCampaign(client, id)));

  app.post(
    '/v1/campaigns',
    {
      config: { submits: true },
      schema: {
        ...{
          tags,
          summary: 'Make completed jobs again by another preset: a canary first, then an approval, then the rest',
        },
        body: newCampaign,
        response: { 202: started, ...failures(400, 401, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const { principal } = request;
      const { preset, where, ...wish } = request.body;
      await admit(service, principal, 1);
      const { tenant } = principal;
      const batch = where.batch === undefined ? undefined : batchIdFor(tenant, where.batch);
      const input = campaignInput(await service.presets(preset), { ...wish, where: { ...where, batch, tenant } });
      await bounded(service, () => startCampaign(client, queuePrefix, input));
      request.audit = { campaign: input.id };
      return reply.code(202).send({ id: input.id, links: linksOf(input.id) });
    },
  );

  app.get(
    '/v1/campaigns',
    {
      schema: {
        ...{ tags, summary: 'Campaigns page by page: open ones first, then those that ended last' },
        querystring: listQuery,
        response: { 200: campaignsAnswer, ...failures(400, 401, 503) },
      },
    },
    ({ principal, query: { limit, cursor } }) =>
      bounded(service, async () => {
        const { campaigns, next } = await listCampaigns(client, principal.tenant, limit, cursor);
        // Each is looked at by itself.
        principal.reads?.charge(campaigns.length - 1);
        return { campaigns: campaigns.map(answerOf), next };
      }),
  );

  const response = { 200: campaignAnswer, ...failures(401, 404, 409, 503) };
  app.get(
    '/v1/campaigns/:id',
    { schema: { tags, summary: 'How far it is, and its figures', params: batchParams, response } },
    async ({ principal, params }) => look(await findCampaign(service, principal, params.id)),
  );
  app.post(
    '/v1/campaigns/:id/approve',
    { schema: { tags, summary: 'Go on behind the canary', params: batchParams, response } },
    async ({ principal, params }) => {
      const id = await findCampaign(service, principal, params.id);
      await bounded(service, () => approveCampaign(client, id));
      return look(id);
    },
  );
  for (const [how, summary] of Object.entries(DECISIONS) as [Settlement, string][]) {
    app.post(
      `/v1/campaigns/:id/${how}`,
      {
        schema: {
          ...{ tags, summary, params: batchParams },
          response: { ...response, 202: campaignAnswer.describe('It goes on without the caller') },
        },
      },
      async (request, reply) => {
        const id = await findCampaign(service, request.principal, request.params.id);
        const { workflowId } = await bounded(service, () => settleOutcome(client, queuePrefix, id, how));
        const items = await awaitItem<number>(client, workflowId, { timeoutMs: WAIT_MS });
        if (items !== undefined) request.audit = { items };
        return reply.code(items === undefined ? 202 : 200).send(await look(id));
      },
    );
  }
}

function answerOf({ pairs, ...rest }: CampaignView): z.output<typeof campaignAnswer> {
  const ids = pairs.map(({ old, made, ...figures }) => ({ ...figures, old: jobId(old), made: jobId(made) }));
  return { ...rest, pairs: ids, links: linksOf(rest.id) };
}

function linksOf(id: string): Record<string, string> {
  return { self: `/v1/campaigns/${id}`, batch: `/v1/batches/${id}`, items: `/v1/batches/${id}/items` };
}
