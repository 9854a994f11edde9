import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { ZipFile } from 'yazl';
import { z } from 'zod';
import type { Manifest } from '../../../common/contracts';
import { joinUri } from '../../../storage';
import type { App } from '../app-type';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { MANIFEST, published } from './files';

/** Segments of a long stream are some thousands. */
const MOST_FILES = 20_000;

/** One file of the archive: its path there, which is that below manifest.json, and where it lies. */
interface Entry {
  path: string;
  uri: string;
}

/** All published files of a job in one ZIP, so that a page needs one download. */
export function archiveRoutes(app: App, service: Service): void {
  const bytes = { description: 'A ZIP', content: { 'application/zip': { schema: z.unknown() } } };
  app.get(
    '/v1/jobs/:id/archive',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'All published files and the manifest, as a ZIP that compresses nothing',
        params: s.jobParams,
        response: { 200: bytes, ...failures(401, 404, 413, 503) } as never,
      },
    },
    async (request, reply) => {
      const { tenant } = request.principal;
      const { manifest, folder } = await published(service, request.principal, request.params.id);
      const entries = await entriesOf(service, manifest, folder);
      // As for single files: a manifest may have been written by anybody.
      for (const { uri } of entries) await service.places.checkSource(tenant, uri);
      void reply.headers({
        'content-type': 'application/zip',
        // Without a name: the page gives it that of the source.
        'content-disposition': 'attachment',
        'cache-control': 'private, no-cache',
      });
      return reply.send(request.method === 'HEAD' ? Readable.from([]) : zipOf(service, request, entries, manifest));
    },
  );
}

/** @throws ApiError TooLarge */
async function entriesOf({ storage }: Service, { renditions }: Manifest, folder: string): Promise<Entry[]> {
  const paths = new Set([MANIFEST, ...renditions.map(({ path }) => path).filter(isBelow)]);
  // The segments of a stream are not listed one by one: they lie in the folder of their playlist.
  const folders = new Set([...paths].flatMap((path) => /^(.+)\/[^/]+$/.exec(path)?.[1] ?? []));
  for (const each of folders) {
    const prefix = `${joinUri(folder, each)}/`;
    for await (const { uri } of storage.list(prefix)) {
      const path = `${each}/${uri.slice(prefix.length)}`;
      if (uri.startsWith(prefix) && isBelow(path)) paths.add(path);
      if (paths.size > MOST_FILES) {
        throw new ApiError('TooLarge', `The job has more than ${MOST_FILES} files: fetch them one by one.`);
      }
    }
  }
  return [...paths].map((path) => ({ path, uri: joinUri(folder, path) }));
}

/** No path that leads out of the folder, and none that is hidden. */
function isBelow(path: string): boolean {
  return path.split('/').every((part) => part !== '' && !part.startsWith('.'));
}

/** Reads one file after the other, each when its turn has come; nothing is kept in memory. */
function zipOf(service: Service, request: FastifyRequest, entries: Entry[], manifest: Manifest): Readable {
  const { seats, storage } = service;
  const leave = seats.archives.take(request.principal.tenant);
  if (leave === undefined) {
    throw new ApiError('TooManyStreams', 'Too many archives are being fetched here.', { retryAfterSeconds: 10 });
  }
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const mtime = new Date(manifest.publishedAt);
  let current: Readable | undefined;
  // A ZIP that ends early has no directory, so that no program takes it for whole.
  const fail = (error: unknown): void => void output.destroy(error instanceof Error ? error : new Error(String(error)));
  zip.on('error', fail);
  output.once('close', () => {
    current?.destroy();
    leave();
  });
  for (const { path, uri } of entries) {
    zip.addReadStreamLazy(path, { compress: false, mtime }, (done) => {
      storage.openRead(uri).then(({ stream }) => {
        current = stream;
        if (output.destroyed) stream.destroy();
        else done(null, stream);
      }, fail);
    });
  }
  zip.end();
  return output;
}
