import type { z } from 'zod';
import { slug } from '../../core/keys';
import { listBatches } from '../../core/view/batches';
import { filterQuery, type RunFilter } from '../../../temporal/batches/filter';
import { pausedCondition } from '../../../temporal/batches/paused';
import { latestOnly, pageOfRuns } from '../../../temporal/batches/runs';
import { answerItem, batchLinks } from '../answers';
import type { App } from '../app-type';
import { findBatch } from '../guard/access';
import type { Principal } from '../guard/auth';
import { batchIdFor } from '../guard/ids';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { bounded } from '../submit';

type Listed = Pick<z.output<typeof s.jobsQuery>, 'state' | 'kind' | 'preset' | 'from' | 'to'>;

/** Batches and jobs, page by page, newest activity first. */
export function listRoutes(app: App, service: Service): void {
  app.get(
    '/v1/batches',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Batches page by page: those with open jobs first, then those that ended last',
        querystring: s.batchesQuery,
        response: { 200: s.batchesAnswer, ...failures(400, 401, 503) },
      },
    },
    ({ principal, query }) =>
      bounded(service, async () => {
        const { search, limit, cursor } = query;
        const batchPrefix = search === undefined ? undefined : batchIdFor(principal.tenant, search);
        const filter = { ...(await conditionsOf(service, principal, query)), batchPrefix };
        const { batches, next } = await listBatches(service.client, filter, limit, cursor);
        // Each is counted by itself.
        principal.reads?.charge(batches.length - 1);
        return { batches: batches.map((batch) => ({ ...batch, links: batchLinks(batch.id) })), next };
      }),
  );

  app.get(
    '/v1/jobs',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Jobs of all batches page by page: open ones first, then those that ended last',
        querystring: s.jobsQuery,
        response: { 200: s.itemsAnswer, ...failures(400, 401, 503) },
      },
    },
    async ({ principal, query }) => {
      const batch = query.batch === undefined ? undefined : batchIdFor(principal.tenant, query.batch);
      return pageOfItems(service, { ...(await conditionsOf(service, principal, query)), batch }, query);
    },
  );

  app.get(
    '/v1/batches/:id/items',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Its jobs page by page: open ones first, then those that ended last',
        params: s.batchParams,
        querystring: s.itemsQuery,
        response: { 200: s.itemsAnswer, ...failures(400, 401, 404, 503) },
      },
    },
    async ({ principal, params, query }) => {
      const batch = await findBatch(service, principal, params.id);
      return pageOfItems(service, { ...(await conditionsOf(service, principal, query)), batch }, query);
    },
  );
}

async function conditionsOf(
  service: Service,
  { tenant }: Principal,
  { state, kind, preset, from, to }: Listed,
): Promise<RunFilter> {
  const filter = { tenant, kind, preset, from, to };
  if (state !== 'paused') return { ...filter, state };
  const { connection, options } = service.client;
  const condition = await bounded(service, () => pausedCondition(connection, options.namespace));
  // Where runs cannot show that they are paused, none does.
  return { ...filter, state: 'open', condition: condition ?? 'WorkflowId = ""' };
}

function pageOfItems(service: Service, filter: RunFilter, { search, limit, cursor }: z.output<typeof s.itemsQuery>) {
  return bounded(service, async () => {
    const idPrefixes = search === undefined ? undefined : prefixesOf(search, filter.batch);
    const query = filterQuery({ ...filter, idPrefixes });
    const { runs, next } = await pageOfRuns(service.client, query, limit, cursor);
    // An item's last run may be of another state or preset than the list is narrowed to.
    const { tenant, batch } = filter;
    const latest = await latestOnly(service.client, filterQuery({ tenant, batch }), runs);
    return { items: await Promise.all(latest.map((run) => answerItem(service, run))), next };
  });
}

/** Item keys begin with the file's name in lower case with dashes; ids that callers chose are kept as they are. */
function prefixesOf(search: string, batch: string | undefined): string[] {
  if (batch === undefined) return [search.replace('~', '/')];
  return [...new Set([search.toLowerCase(), slug(search)])].filter(Boolean).map((name) => `${batch}/${name}`);
}
