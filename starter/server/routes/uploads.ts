import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { DarkroomError, isSourceNotFound } from '../../../common/errors';
import { printable, type ObjectInfo } from '../../../storage';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { paced } from '../http/paced-body';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/upload-schemas';
import type { Service } from '../service';
import { joined, keepPart, partsIn, type PartPlace } from '../upload-parts';

const OCTETS = 'application/octet-stream';

/** @param graceMs see {@link paced}; tests lower it */
export function uploadRoutes(app: App, service: Service, graceMs?: number): void {
  const { places, storage, config } = service;

  app.put(
    '/v1/uploads/:name',
    {
      config: { streaming: true, submits: true },
      schema: {
        tags: ['Uploads'],
        summary: "Store a file's bytes, whole or in parts; the answer has the source for a job",
        consumes: [OCTETS],
        params: s.uploadParams,
        querystring: s.uploadQuery,
        response: {
          201: s.uploadAnswer,
          202: s.uploadOffset.describe('A part is kept; the next one begins at `offset`'),
          ...failures(400, 401, 408, 409, 413, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { sha256, upload } = request.query;
      const part = partOf(service, request);
      const most = part?.size ?? Number(request.headers['content-length'] ?? 0);
      if (most > config.maxUploadBytes) {
        throw new ApiError('TooLarge', `Uploads may have ${config.maxUploadBytes} bytes at most.`);
      }
      const body = bytesOf(request);
      if (body === undefined && part?.offset !== part?.size) {
        throw new ApiError('BadRequest', 'The request has no bytes in it.');
      }
      const leave = admitUpload(service, request.principal);
      request.bodyDeadline?.end();
      const gone = new AbortController();
      request.raw.once('close', () => !request.raw.complete && gone.abort(new Error('the upload was broken off')));
      const place = places.upload(request.principal.tenant, name, sha256 ?? upload);
      const bytes = body && paced(body, (count) => request.principal.uploads?.charge(count), graceMs);
      try {
        if (part === undefined) {
          const stored = await store(service, place, bytes ?? Readable.from([]), sha256, gone.signal);
          return await answer(stored);
        }
        const parts = await keepPart(service, part, bytes, gone.signal);
        if (parts.bytes < part.size) return await reply.code(202).send({ offset: parts.bytes, name });
        const stored = await store(service, place, joined(service, parts, gone.signal), sha256, gone.signal).catch(
          async (error: unknown) => {
            // Bytes that are others than announced stay that; a second request for the end may have joined them before.
            const isWrong = error instanceof DarkroomError && error.type === 'InvalidJob';
            if (isWrong) await storage.removeMany(parts.parts.map(({ uri }) => uri));
            const other = isWrong ? undefined : await known(place);
            if (other === undefined) throw error;
            return other;
          },
        );
        await storage.removeMany(parts.parts.map(({ uri }) => uri));
        return await answer(stored);
      } catch (error) {
        // What still comes is not read.
        void reply.header('connection', 'close');
        throw error;
      } finally {
        leave();
      }

      async function answer(stored: ObjectInfo) {
        request.audit = { source: printable(stored.uri), bytes: stored.bytes };
        if (stored.bytes === 0) {
          await storage.remove(stored.uri);
          throw new ApiError('BadRequest', 'The upload is empty.');
        }
        return reply.code(201).send({ source: stored.uri, bytes: stored.bytes, name });
      }
    },
  );

  app.get(
    '/v1/uploads/:name',
    {
      schema: {
        tags: ['Uploads'],
        summary: 'Is the file here already, or a part of it? What is here need not be sent again',
        params: s.uploadParams,
        querystring: s.uploadedQuery,
        response: {
          200: s.uploadAnswer,
          202: s.uploadOffset.describe('With `upload`: the file is not whole; its next part begins at `offset`'),
          ...failures(400, 401, 404, 503),
        },
      },
    },
    async ({ principal, params: { name }, query: { sha256, upload } }, reply) => {
      if (sha256 === undefined && upload === undefined) {
        throw new ApiError('BadRequest', 'The query needs sha256 or upload.');
      }
      const found = await known(places.upload(principal.tenant, name, sha256 ?? upload));
      if (found !== undefined) return reply.send({ source: found.uri, bytes: found.bytes, name });
      if (upload === undefined) {
        throw new ApiError('NoSuchFile', 'No such bytes have been uploaded under this name.');
      }
      const { bytes } = await partsIn(service, places.uploadParts(principal.tenant, upload, name));
      return reply.code(202).send({ offset: bytes, name });
    },
  );

  async function known(place: string): Promise<ObjectInfo | undefined> {
    return storage.stat(place).catch((error: unknown) => {
      if (isSourceNotFound(error)) return undefined;
      throw error;
    });
  }
}

type UploadRequest = FastifyRequest & {
  params: { name: string };
  query: { upload?: string; offset?: number; size?: number };
};

/** Where a part belongs; undefined for a file that comes whole. @throws ApiError BadRequest */
function partOf({ places }: Service, request: unknown): PartPlace | undefined {
  const { principal, params, query } = request as UploadRequest;
  const { upload, offset, size } = query;
  if (upload === undefined && offset === undefined && size === undefined) return undefined;
  if (upload === undefined || offset === undefined || size === undefined) {
    throw new ApiError('BadRequest', 'A part needs upload, offset and size.');
  }
  if (offset > size) throw new ApiError('BadRequest', 'offset is larger than size.');
  return { folder: places.uploadParts(principal.tenant, upload, params.name), offset, size };
}

/** The body as a stream; undefined where there is none. */
function bytesOf({ body }: { body?: unknown }): Readable | undefined {
  const stream = body as Readable | undefined;
  return typeof stream?.pipe === 'function' ? stream : undefined;
}

/** Bytes that have a place keep it, whatever comes later. */
function store(
  { storage, config }: Service,
  place: string,
  bytes: AsyncIterable<Buffer>,
  sha256: string | undefined,
  signal: AbortSignal,
): Promise<ObjectInfo> {
  const stream = Readable.from(sha256 === undefined ? bytes : checked(bytes, sha256), { objectMode: false });
  return storage.putStream(place, stream, {
    ...{ maxBytes: config.maxUploadBytes, contentType: OCTETS, signal, createOnly: true },
  });
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
