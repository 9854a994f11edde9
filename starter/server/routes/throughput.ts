import { z } from 'zod';
import { ThroughputView } from '../../core/view/throughput';
import type { App } from '../app-type';
import { failures } from '../http/route-docs';
import { latency } from '../http/schemas';
import type { Service } from '../service';
import { bounded } from '../submit';

const query = z.object({ minutes: z.coerce.number().int().min(1).max(180).default(60) });
export const throughputAnswer = z.object({
  minutes: z.array(
    z.object({
      at: z.string().describe('Begin of the minute'),
      succeeded: z.int(),
      failed: z.int(),
      backlog: z.int().describe('Items open at its end'),
    }),
  ),
  open: z.int().describe('Items open now'),
  itemsPerSecond: z.number().describe('Items completed a second, over the last minute'),
  latencyMs: latency.describe('From submit to published, of the last `sample` items that completed'),
});

/** What the page's overview and plot show. */
export function throughputRoutes(app: App, service: Service): void {
  const view = new ThroughputView(service.client);
  app.get(
    '/v1/throughput',
    {
      schema: {
        tags: ['Batches'],
        summary: 'The whole pipeline: items ended in each of the last minutes, what is open, rate and latency',
        querystring: query,
        response: { 200: throughputAnswer, ...failures(400, 401, 503) },
      },
    },
    ({ principal, query: { minutes } }) => bounded(service, () => view.last(minutes, principal.tenant)),
  );
}
