import { z } from 'zod';
import { ThroughputView } from '../../core/view/throughput';
import type { App } from '../app';
import { failures } from '../http/route-docs';
import type { Service } from '../service';
import { bounded } from '../submit';

const query = z.object({ minutes: z.coerce.number().int().min(1).max(180).default(60) });
const answer = z.object({
  minutes: z.array(
    z.object({
      at: z.string().describe('Begin of the minute'),
      succeeded: z.int(),
      failed: z.int(),
      backlog: z.int().describe('Items open at its end'),
    }),
  ),
});

/** What the page's plot shows. */
export function throughputRoutes(app: App, service: Service): void {
  const view = new ThroughputView(service.client);
  app.get(
    '/v1/throughput',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Items ended in each of the last minutes, and how many were open',
        querystring: query,
        response: { 200: answer, ...failures(400, 401, 503) },
      },
    },
    async ({ principal, query: { minutes } }) => ({
      minutes: await bounded(service, () => view.last(minutes, principal.tenant)),
    }),
  );
}
