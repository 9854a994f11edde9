import type { Readable } from 'node:stream';
import { printable } from '../../../storage';
import type { App } from '../app';
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
        response: { 201: s.uploadAnswer, ...failures(400, 401, 413, 503) },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { maxUploadBytes: maxBytes } = service.config;
      if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
        throw new ApiError('TooLarge', `Uploads may have ${maxBytes} bytes at most.`);
      }
      const body = request.body as Readable | undefined;
      if (typeof body?.pipe !== 'function') throw new ApiError('BadRequest', 'The request has no bytes in it.');
      request.raw.socket.setTimeout(IDLE_MS, () => request.raw.destroy(new Error('the upload came to a halt')));
      const gone = new AbortController();
      request.raw.once('close', () => !request.raw.complete && gone.abort(new Error('the upload was broken off')));
      const stored = await service.storage.putStream(service.places.upload(request.principal.tenant, name), body, {
        maxBytes,
        contentType: 'application/octet-stream',
        signal: gone.signal,
      });
      request.log.info({ source: printable(stored.uri), bytes: stored.bytes }, 'uploaded');
      if (stored.bytes === 0) {
        await service.storage.remove(stored.uri);
        throw new ApiError('BadRequest', 'The upload is empty.');
      }
      return reply.code(201).send({ source: stored.uri, bytes: stored.bytes, name });
    },
  );
}
