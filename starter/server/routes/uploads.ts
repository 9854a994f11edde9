import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { DarkroomError } from '../../../common/errors';
import { printable } from '../../../storage';
import type { App } from '../app-type';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';

/** Silence after which an upload is given up. */
const IDLE_MS = 60_000;

export function uploadRoutes(app: App, service: Service): void {
  app.put(
    '/v1/uploads/:name',
    {
      config: { streaming: true },
      schema: {
        tags: ['Uploads'],
        summary: "Store a file's bytes; the answer has the source for a job",
        consumes: ['application/octet-stream'],
        params: s.uploadParams,
        querystring: s.uploadQuery,
        response: { 201: s.uploadAnswer, ...failures(400, 401, 413, 503) },
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
      request.raw.socket.setTimeout(IDLE_MS, () => request.raw.destroy(new Error('the upload came to a halt')));
      const gone = new AbortController();
      request.raw.once('close', () => !request.raw.complete && gone.abort(new Error('the upload was broken off')));
      const place = service.places.upload(request.principal.tenant, name, sha256);
      const stored = await service.storage.putStream(place, sha256 === undefined ? body : checked(body, sha256), {
        maxBytes,
        contentType: 'application/octet-stream',
        signal: gone.signal,
        // Bytes that have a place keep it, whatever comes later.
        createOnly: true,
      });
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

/** The same bytes; other ones than announced end in an error, so that nothing is stored under a hash that is not theirs. */
function checked(body: Readable, sha256: string): Readable {
  async function* through(): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for await (const chunk of body as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest('hex') !== sha256)
      throw new DarkroomError('InvalidJob', 'The bytes that came are not those of sha256.');
  }
  return Readable.from(through(), { objectMode: false });
}
