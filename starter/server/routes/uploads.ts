import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { DarkroomError } from '../../../common/errors';
import { printable } from '../../../storage';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { paced } from '../http/paced-body';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';

/** @param graceMs see {@link paced}; tests lower it */
export function uploadRoutes(app: App, service: Service, graceMs?: number): void {
  app.put(
    '/v1/uploads/:name',
    {
      config: { streaming: true, submits: true },
      schema: {
        tags: ['Uploads'],
        summary: "Store a file's bytes; the answer has the source for a job",
        consumes: ['application/octet-stream'],
        params: s.uploadParams,
        querystring: s.uploadQuery,
        response: { 201: s.uploadAnswer, ...failures(400, 401, 408, 413, 429, 503) },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { sha256 } = request.query;
      const { maxUploadBytes: maxBytes } = service.config;
      if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
        throw new ApiError('TooLarge', `Uploads may have ${maxBytes} bytes at most.`);
      }
      const body = request.body as Readable | undefined;
      if (typeof body?.pipe !== 'function') throw new ApiError('BadRequest', 'The request has no bytes in it.');
      const leave = admitUpload(service, request.principal);
      request.bodyDeadline?.end();
      const gone = new AbortController();
      request.raw.once('close', () => !request.raw.complete && gone.abort(new Error('the upload was broken off')));
      const place = service.places.upload(request.principal.tenant, name, sha256);
      const bytes = paced(body, (count) => request.principal.uploads?.charge(count), graceMs);
      const stored = await service.storage
        .putStream(place, Readable.from(sha256 === undefined ? bytes : checked(bytes, sha256), { objectMode: false }), {
          maxBytes,
          contentType: 'application/octet-stream',
          signal: gone.signal,
          // Bytes that have a place keep it, whatever comes later.
          createOnly: true,
        })
        .catch((error: unknown) => {
          // What still comes is not read.
          void reply.header('connection', 'close');
          throw error;
        })
        .finally(leave);
      request.audit = { source: printable(stored.uri), bytes: stored.bytes };
      if (stored.bytes === 0) {
        await service.storage.remove(stored.uri);
        throw new ApiError('BadRequest', 'The upload is empty.');
      }
      return reply.code(201).send({ source: stored.uri, bytes: stored.bytes, name });
    },
  );

  app.get(
    '/v1/uploads/:name',
    {
      schema: {
        tags: ['Uploads'],
        summary: 'Is a file with these bytes and this name here already? Then there is no need to send it again',
        params: s.uploadParams,
        querystring: s.uploadedQuery,
        response: { 200: s.uploadAnswer, ...failures(400, 401, 404, 503) },
      },
    },
    async ({ principal, params: { name }, query }) => {
      const place = service.places.upload(principal.tenant, name, query.sha256);
      try {
        const { uri, bytes } = await service.storage.stat(place);
        return { source: uri, bytes, name };
      } catch (error) {
        if (!(error instanceof DarkroomError && error.type === 'SourceNotFound')) throw error;
        throw new ApiError('NoSuchFile', 'No such bytes have been uploaded under this name.');
      }
    },
  );
}

/** @returns gives the place back. @throws ApiError TooManyUploads or RateLimited */
function admitUpload({ seats }: Service, { tenant, uploads }: Principal): () => void {
  const seconds = uploads?.take(0) ?? 0;
  if (seconds > 0) {
    throw new ApiError('RateLimited', 'This key has uploaded as many bytes as it may in a day.', {
      retryAfterSeconds: seconds,
    });
  }
  const leave = seats.uploads.take(tenant);
  if (leave !== undefined) return leave;
  throw new ApiError('TooManyUploads', 'Too many uploads are under way here.', { retryAfterSeconds: 5 });
}

/** The same bytes; other ones than announced end in an error, so that nothing is stored under a hash that is not theirs. */
async function* checked(body: AsyncIterable<Buffer>, sha256: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') === sha256) return;
  throw new DarkroomError('InvalidJob', 'The bytes that came are not those of sha256.');
}
