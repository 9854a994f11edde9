import { z } from 'zod';
import { COST_FIELDS, sumCosts, timeOf } from '../../core/cost';
import type { App } from '../app-type';
import { batchIdFor } from '../guard/ids';
import { failures } from '../http/route-docs';
import { batchName } from '../http/schemas';
import type { Service } from '../service';

/** ms for which one request goes on asking for pages of a thousand runs, and for which the last page may take. */
const FOR_MS = 5_000;
const DEADLINE_MS = 15_000;

const field = z.enum(COST_FIELDS);
const query = z.object({
  by: z
    .string()
    .max(100)
    .transform((text) => text.split(','))
    .pipe(z.array(field).min(1).max(COST_FIELDS.length))
    .default(['preset'])
    .describe(`Of ${COST_FIELDS.join(', ')}, with commas between`),
  since: z
    .string()
    .max(40)
    .refine((text) => timeOf(text) !== undefined, 'expected 30d, 12h or a date')
    .default('30d')
    .describe('Jobs that ended since then: `30d`, `12h`, or a date'),
  batch: batchName.optional().describe('Jobs of this batch only'),
});
const cost = {
  items: z.int().describe('Jobs that completed; one that was made twice counts twice'),
  bytesIn: z.number(),
  bytesOut: z.number(),
  cpuSeconds: z.number().describe('Of the programs that made the outputs, as the receipts say'),
  unknown: z.int().describe('Jobs among them that say nothing of CPU seconds'),
};
const answer = z.object({
  groups: z.array(z.object({ group: z.partialRecord(field, z.string()), ...cost })).describe('The dearest first'),
  total: z.object(cost).describe('All groups together'),
  complete: z
    .boolean()
    .describe('False where more jobs ended than can be summed in five seconds: the sums are of the last ones'),
});

export function costRoutes(app: App, service: Service): void {
  app.get(
    '/v1/costs',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'CPU seconds and bytes of completed jobs, summed by tenant, preset, kind, batch or day',
        querystring: query,
        response: { 200: answer, ...failures(400, 401, 503) },
      },
    },
    async ({ principal, query: { by, since, batch } }) => {
      const { client, temporal } = service;
      temporal.require();
      const { tenant } = principal;
      const id = batch === undefined ? undefined : batchIdFor(tenant, batch);
      const options = { by, since: timeOf(since), tenant, batch: id, forMs: FOR_MS };
      const costs = await client.withDeadline(Date.now() + DEADLINE_MS, () => sumCosts(client, options));
      // A page of a thousand costs the server what twenty pages of a list do.
      principal.reads?.charge(Math.ceil(costs.total.items / 50));
      return costs;
    },
  );
}
