import { createHash } from 'node:crypto';
import { open, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { AllowList } from '../allow';
import { codeOf, fileFailure, translating } from '../failures';
import { MAX_MANIFEST_BYTES } from '../manifest';
import { clampRange } from '../range';
import { receive, receiveText } from '../receive';
import type { OutputStore } from '../store';
import type * as t from '../types';
import type { FileLocation } from '../uri';
import { contentTypeOf } from '../../common/file-types';
import { copyLocal } from './copy';
import { fetchLocal } from './fetch';
import { listLocal } from './list';
import { withLock } from './lock';
import { fingerprint, openInside } from './open';
import { publishLocal } from './publish';
import { create, existingFolder, inFolder, replace, syncFolder } from './write';

/** Files below the allowed roots. */
export class LocalStore implements OutputStore<FileLocation> {
  constructor(private readonly allow: AllowList) {}

  async stat(at: FileLocation, signal?: AbortSignal): Promise<t.ObjectInfo> {
    return translating(signal, reading(at), async () => {
      const { handle, stats } = await openInside(at, this.allow);
      await handle.close();
      return {
        uri: at.uri,
        bytes: Number(stats.size),
        fingerprint: fingerprint(stats),
        contentType: contentTypeOf(at.path),
      };
    });
  }

  fetch(at: FileLocation, workPath: string, options: t.FetchOptions): Promise<t.Fetched> {
    return fetchLocal(at, workPath, this.allow, options);
  }

  async publishFile(localPath: string, at: FileLocation, options: t.PublishOptions): Promise<t.Published> {
    return translating(options.signal, writing(at), () => publishLocal(localPath, at, this.allow, options));
  }

  async copy(from: FileLocation, to: FileLocation, signal?: AbortSignal): Promise<void> {
    await translating(signal, writing(to), () => copyLocal(from, to, this.allow));
  }

  async putStream(at: FileLocation, stream: Readable, options: t.PutOptions): Promise<t.ObjectInfo> {
    return translating(options.signal, writing(at), async () => {
      const write = options.createOnly ? create : replace;
      await inFolder<unknown>(at, this.allow, (folder) =>
        write(folder, path.basename(at.path), async (temporary) => {
          await receive(stream, temporary, { ...options, uri: at.uri, sync: true, sinkFailure: writing(at) });
        }),
      );
      const stats = await stat(at.path, { bigint: true });
      const { contentType } = options;
      return { uri: at.uri, bytes: Number(stats.size), fingerprint: fingerprint(stats), contentType };
    });
  }

  async openRead(at: FileLocation, options: t.ReadOptions): Promise<t.Opened> {
    return translating(options.signal, reading(at), async () => {
      const { handle, stats } = await openInside(at, this.allow);
      try {
        const bytes = Number(stats.size);
        const range = options.range && clampRange(options.range, bytes, at.uri);
        const stream = handle.createReadStream({ ...range, signal: options.signal });
        const info = { uri: at.uri, bytes, fingerprint: fingerprint(stats), contentType: contentTypeOf(at.path) };
        return { stream, info, range };
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  list(at: FileLocation, options: t.ListOptions): AsyncIterable<t.ObjectInfo> {
    return listLocal(at, this.allow, options);
  }

  async remove(at: FileLocation): Promise<void> {
    await translating(undefined, writing(at), async () => {
      const folder = await existingFolder(at, this.allow);
      if (folder === undefined) return;
      await unlink(path.join(folder, path.basename(at.path))).catch(ignoring('ENOENT'));
      await this.removeEmptyFrom(folder);
    });
  }

  async removeEmpty(at: FileLocation): Promise<void> {
    await translating(undefined, writing(at), async () => {
      const folder = await existingFolder({ ...at, path: path.join(at.path, 'any') }, this.allow);
      if (folder !== undefined) await this.removeEmptyFrom(folder);
    });
  }

  /** Removes a folder that is empty, and the folders above it that are empty then; a root stays. */
  private async removeEmptyFrom(folder: string): Promise<void> {
    for (let at = folder; !this.allow.isRealRoot(at) && this.allow.isInsideRealRoot(at); at = path.dirname(at)) {
      // Not empty, used, or not ours to remove: it stays, and so does everything above it.
      const removed = await rmdir(at).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }

  async writeText(at: FileLocation, text: string): Promise<void> {
    await translating(undefined, writing(at), () =>
      inFolder(at, this.allow, (folder) => replace(folder, path.basename(at.path), (file) => writeSynced(file, text))),
    );
  }

  async readText(at: FileLocation, maxBytes: number): Promise<{ text: string; version: string } | undefined> {
    return translating(undefined, reading(at), async () => {
      try {
        const { handle } = await openInside(at, this.allow);
        const text = await receiveText(handle.createReadStream(), { uri: at.uri, maxBytes });
        return { text, version: version(text) };
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    });
  }

  async replaceText(
    at: FileLocation,
    text: string,
    _contentType: string,
    previous: string | undefined,
  ): Promise<'written' | 'conflict'> {
    const name = path.basename(at.path);
    return translating(undefined, writing(at), () =>
      inFolder(at, this.allow, (folder) =>
        withLock(path.join(folder, `.${name}.lock`), async () => {
          if (version(await readIfThere(path.join(folder, name), MAX_MANIFEST_BYTES)) !== previous) return 'conflict';
          await replace(folder, name, (temporary) => writeSynced(temporary, text));
          await syncFolder(folder);
          return 'written';
        }),
      ),
    );
  }
}

const reading = (at: FileLocation) => (error: unknown) => fileFailure(error, 'source', at.uri);
const writing = (at: FileLocation) => (error: unknown) => fileFailure(error, 'output', at.uri);

function ignoring(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(codeOf(error) ?? '')) throw error;
  };
}

function writeSynced(file: string, text: string): Promise<void> {
  return writeFile(file, text, { flag: 'wx', flush: true });
}

/** What is longer is nothing that was read before: its beginning tells so. */
async function readIfThere(file: string, maxBytes: number): Promise<string | undefined> {
  const handle = await open(file, 'r').catch(ignoring('ENOENT'));
  return handle && textOf(handle.createReadStream({ end: maxBytes }));
}

/** By content, because two writes may fall into one tick of the file system's clock. */
function version(text: string): string;
function version(text: string | undefined): string | undefined;
function version(text: string | undefined): string | undefined {
  return text === undefined ? undefined : createHash('sha256').update(text).digest('hex');
}
