import { z } from 'zod';
import { DISTANCE, findDuplicates, type Duplicate, type Looks } from '../../core/duplicates';
import type { App } from '../app-type';
import { findBatch } from '../guard/access';
import { jobId } from '../guard/ids';
import { failures } from '../http/route-docs';
import { batchParams, itemsAnswer } from '../http/schemas';
import type { Service } from '../service';

/** ms for which one request goes on reading manifests, and for which the server's last page may take. */
const FOR_MS = 5_000;
const DEADLINE_MS = 15_000;
/** Groups, and pictures of a group, that an answer shows. */
const GROUPS = 100;
const MEMBERS = 24;

const query = z.object({
  distance: z.coerce
    .number()
    .int()
    .min(0)
    .max(DISTANCE.most)
    .default(DISTANCE.default)
    .describe('Bits of 64 in which two pictures that look alike may differ'),
});
const { id, source, thumbnail, placeholder } = itemsAnswer.shape.items.element.shape;
const member = z.object({
  ...{ id, source, thumbnail, placeholder },
  distance: z.int().describe('Bits that differ from the first of the group'),
});
export const duplicatesAnswer = z.object({
  groups: z
    .array(
      z.object({
        size: z.int().describe('Pictures of the group'),
        items: z.array(member).describe(`The picture of the largest source first; ${MEMBERS} at most`),
      }),
    )
    .describe(`The largest first; ${GROUPS} at most`),
  total: z.int().describe('Groups in all'),
  items: z.int().describe('Images that were looked at'),
  unhashed: z.int().describe('Images among them without a hash: plain ones, and those of older manifests'),
  complete: z
    .boolean()
    .describe('False where five seconds did not do for all images: the same request again goes on from there'),
});

export function duplicateRoutes(app: App, service: Service): void {
  const looks: Looks = new Map();
  app.get(
    '/v1/batches/:id/duplicates',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Its images that look alike, in groups, by the hashes in their manifests',
        params: batchParams,
        querystring: query,
        response: { 200: duplicatesAnswer, ...failures(400, 401, 404, 503) },
      },
    },
    async ({ principal, params, query: { distance } }) => {
      const batch = await findBatch(service, principal, params.id);
      const { client, manifests } = service;
      const options = { distance, forMs: FOR_MS };
      const found = await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        findDuplicates(client, manifests, batch, options, looks),
      );
      // A page of a thousand runs costs the server what twenty pages of a list do.
      principal.reads?.charge(Math.ceil(found.items / 50));
      const groups = found.groups.slice(0, GROUPS).map((group) => ({
        size: group.length,
        items: group.slice(0, MEMBERS).map(answerOf),
      }));
      return { ...found, groups, total: found.groups.length };
    },
  );
}

function answerOf({ workflowId, source: uri, distance, thumbnail: picture, placeholder: standIn }: Duplicate) {
  const job = jobId(workflowId);
  const href = picture && `/v1/jobs/${job}/files/${encodeURI(picture.path)}`;
  return {
    ...{ id: job, source: uri, distance, placeholder: standIn },
    thumbnail: picture && { href: href!, width: picture.width, height: picture.height },
  };
}
