import { Readable } from 'node:stream';
import { z } from 'zod';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ASKED_ANEW, cacheControlOf, withoutSharedCaches } from '../../../common/cache-control';
import type { Manifest } from '../../../common/contracts';
import { DarkroomError, type ErrorType } from '../../../common/errors';
import { joinUri } from '../../../storage';
import { contentTypeOf, isShown } from '../../../common/file-types';
import { inputOf } from '../../../temporal/input';
import { outputOf, playablePath, viewOf } from '../../core/view/item';
import { findJob, findPublished } from '../guard/access';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { ApiError } from '../http/problems';
import { parseRange } from '../http/range';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { bounded } from '../submit';

export const MANIFEST = 'manifest.json';
/** Failures to read a file that its job has named; why exactly is nobody's business. */
const GONE = new Set<ErrorType>(['SourceNotFound', 'SourceForbidden']);

export function fileRoutes(app: App, service: Service): void {
  const bytes = { description: 'Its bytes', content: { '*/*': { schema: z.unknown() } } };
  const response = {
    200: bytes,
    206: bytes,
    304: z.null().describe('Not changed'),
    ...failures(401, 404, 416, 503),
  } as never;

  app.get(
    '/v1/jobs/:id/files/*',
    { schema: { tags: ['Jobs'], summary: 'A published file, whole or in ranges', params: s.fileParams, response } },
    async (request, reply) => {
      const { id, '*': name } = request.params;
      const found = await lookUp(service, request.principal, id);
      const growing = await growingStream(service, found);
      if (growing !== undefined && isBelow(growing.stream, name)) {
        // It may be taken back, as long as no manifest names it.
        void reply.header('cache-control', ASKED_ANEW);
        return serve(service, request, reply, joinUri(growing.folder, name), typeOf(name));
      }
      const { manifest, folder } = await publishedOf(service, request.principal, found);
      const listing = name === MANIFEST ? manifest : listingOf(manifest, name);
      if (listing === undefined) {
        throw new ApiError('NoSuchFile', `The job has published no file "${name.slice(0, 200)}".`);
      }
      void reply.header('cache-control', cachingOf(service, name, listing));
      // By the name that Darkroom gave it: what a manifest says is no reason to show a file as anything.
      return serve(service, request, reply, joinUri(folder, name), typeOf(name));
    },
  );

  app.get(
    '/v1/jobs/:id/source',
    { schema: { tags: ['Jobs'], summary: 'What it was made from', params: s.jobParams, response } },
    async (request, reply) => {
      const { manifest, run } = await published(service, request.principal, request.params.id);
      if (run === undefined) {
        throw new ApiError('NoSuchFile', 'Temporal has forgotten this job, and with it where its source is.');
      }
      // What the job was given, and what was checked then; a manifest may have been written by anybody.
      const { source } = await bounded(service, () => inputOf(service.client, run.workflowId, run.runId));
      if (/^https?:/i.test(source)) {
        throw new ApiError('NoSuchFile', 'The source is on another server; ask there for it.');
      }
      const { format } = manifest.source;
      const type = contentTypeOf(`source.${format}`) ?? '';
      void reply.header('cache-control', 'private, no-cache');
      if (!isShown(type)) void reply.header('content-disposition', 'attachment');
      return serve(service, request, reply, source, isShown(type) ? type : 'application/octet-stream');
    },
  );
}

type Found = WorkflowExecutionDescription | Manifest;

const typeOf = (name: string): string => contentTypeOf(name) ?? 'application/octet-stream';

/** The stream of a job that is still made, where it can be played: its folder, and that of the item. */
async function growingStream(service: Service, found: Found): Promise<{ folder: string; stream: string } | undefined> {
  const path = 'renditions' in found ? undefined : playablePath(found);
  if ('renditions' in found || path === undefined) return undefined;
  const folder = await bounded(service, () => outputOf(service.client, found));
  return { folder, stream: path.slice(0, path.lastIndexOf('/') + 1) };
}

function isBelow(folder: string, name: string): boolean {
  if (name.split('/').some((part) => part === '' || part.startsWith('.'))) return false;
  return folder !== '' && name.startsWith(folder);
}

interface PublishedJob {
  manifest: Manifest;
  folder: string;
  /** Undefined: Temporal does not know the job any more. */
  run?: WorkflowExecutionDescription;
}

/** @throws ApiError NoSuchJob; NoSuchFile while nothing is published */
export async function published(service: Service, principal: Principal, id: string): Promise<PublishedJob> {
  return publishedOf(service, principal, await lookUp(service, principal, id));
}

/** What Temporal knows of a job, else its manifest. @throws ApiError NoSuchJob */
function lookUp(service: Service, principal: Principal, id: string): Promise<Found> {
  return findJob(service, principal, id).catch(async (error: unknown) => {
    const manifest = await findPublished(service, principal, id).catch(() => undefined);
    if (manifest === undefined) throw error;
    return manifest;
  });
}

async function publishedOf(service: Service, principal: Principal, found: Found): Promise<PublishedJob> {
  if ('renditions' in found) {
    const { batchId, itemKey } = found;
    return { manifest: found, folder: joinUri(service.places.outputsOf(principal.tenant, batchId), itemKey) };
  }
  const view = await bounded(service, () => viewOf(service.client, found));
  const folder = view.result?.manifest.replace(/\/[^/]*$/, '');
  const manifest = folder === undefined ? undefined : await service.manifests.get(folder, view);
  if (folder === undefined || manifest === undefined) {
    throw new ApiError('NoSuchFile', 'The job has not published anything yet, or another job has replaced its files.');
  }
  return { manifest, folder, run: found };
}

/** What the preset says, where everyone may read; with keys, or by default, nothing for caches that several callers share. */
function cachingOf({ config }: Service, name: string, { cacheControl }: Manifest): string {
  const rule = cacheControlOf(name, cacheControl);
  if (rule === ASKED_ANEW) return rule;
  return cacheControl === undefined || config.apiKeys !== undefined ? withoutSharedCaches(rule) : rule;
}

/** The manifest that names a file. What a campaign has replaced is shown until it is given up. */
function listingOf(manifest: Manifest, name: string): Manifest | undefined {
  const { before } = manifest;
  return [manifest, ...(before ? [before.manifest] : [])].find((each) => isListed(each, name));
}

/** Segments of a stream are not listed one by one: they lie in the folder of their playlist. */
function isListed({ renditions }: Manifest, name: string): boolean {
  if (renditions.some(({ path }) => path === name)) return true;
  return renditions.some(({ path }) => isBelow(path.slice(0, path.lastIndexOf('/') + 1), name));
}

async function serve(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  uri: string,
  type: string,
): Promise<FastifyReply> {
  // Files from users: never a document of ours, never a script, never guessed to be something else.
  void reply.headers({
    'content-type': type,
    'content-security-policy': "sandbox; default-src 'none'",
    'cross-origin-resource-policy': service.config.corsOrigins.length > 0 ? 'cross-origin' : 'same-origin',
    'accept-ranges': 'bytes',
  });
  try {
    await service.places.checkSource(request.principal.tenant, uri);
    const { bytes, fingerprint } = await service.storage.stat(uri);
    const etag = `"${fingerprint}"`;
    void reply.header('etag', etag);
    if (request.headers['if-none-match'] === etag) return await reply.code(304).send();
    const condition = request.headers['if-range'];
    const range = condition === undefined || condition === etag ? parseRange(request.headers.range, bytes) : undefined;
    if (range === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${bytes}`);
      throw new ApiError('RangeNotSatisfiable', `The file has ${bytes} bytes.`);
    }
    const length = range === undefined ? bytes : range.end - range.start + 1;
    void reply.header('content-length', length);
    if (range !== undefined) void reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${bytes}`);
    // An empty stream rather than an empty text, which would have a length of its own.
    if (request.method === 'HEAD') return await reply.send(Readable.from([]));
    if (bytes === 0) return await reply.send('');
    const { stream } = await service.storage.openRead(uri, { range });
    return await reply.send(stream);
  } catch (error) {
    for (const name of ['content-length', 'content-type', 'cache-control', 'content-disposition']) {
      void reply.removeHeader(name);
    }
    if (error instanceof DarkroomError && GONE.has(error.type)) {
      throw new ApiError('NoSuchFile', 'The file is not there any more.');
    }
    throw error;
  }
}
