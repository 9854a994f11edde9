import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  type GetObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { ASKED_ANEW } from '../../common/cache-control';
import type { Config } from '../../common/config';
import { DarkroomError } from '../../common/errors';
import { scratchFailure, tooLarge, translating, unavailable, type Role } from '../failures';
import { clampRange } from '../range';
import { limited, receive, receiveText } from '../receive';
import type { OutputStore } from '../store';
import type * as t from '../types';
import { printable, type S3Location } from '../uri';
import { createS3Client } from './client';
import { isConflict, isMissing, isNotImplemented, isTaken, s3Failure } from './failures';
import { putFile, putParts } from './write';

/** Objects in one request, a limit of S3's. */
const MAX_DELETES = 1000;
/** What XML 1.0 has no way to write. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\r|\n/;

/** Objects in S3 or anything that speaks it. */
export class S3Store implements OutputStore<S3Location> {
  private readonly client: S3Client;
  /** Set when the store has said that it knows no conditions. */
  private unconditional = false;

  constructor(
    config: Config,
    private readonly tuning: t.Tuning,
  ) {
    this.client = createS3Client(config, tuning);
  }

  async stat(at: S3Location, signal?: AbortSignal): Promise<t.ObjectInfo> {
    return this.run('source', at, signal, async () => {
      const head = await this.client.send(new HeadObjectCommand(name(at)), { abortSignal: signal });
      return describe(at.uri, head.ContentLength, head.ETag, head.ContentType);
    });
  }

  async fetch(at: S3Location, workPath: string, options: t.FetchOptions): Promise<t.Fetched> {
    const { signal, maxBytes, onProgress } = options;
    return this.run('source', at, signal, async () => {
      const answer = await this.client.send(new GetObjectCommand(name(at)), { abortSignal: signal });
      const stream = bodyOf(answer);
      const info = describe(at.uri, answer.ContentLength, answer.ETag, answer.ContentType);
      if (info.bytes > maxBytes) {
        stream.destroy();
        throw tooLarge(at.uri, maxBytes);
      }
      const watch = this.tuning;
      const sinkFailure = scratchFailure;
      const got = await receive(stream, workPath, { uri: at.uri, maxBytes, signal, onProgress, watch, sinkFailure });
      if (got.bytes !== info.bytes) throw unavailable('source', `${printable(at.uri)} arrived cut short.`, 'length');
      return { ...info, path: workPath, sha256: got.sha256, isUnchanged: () => Promise.resolve(true) };
    });
  }

  async publishFile(localPath: string, at: S3Location, options: t.PublishOptions): Promise<t.Published> {
    return this.run('output', at, options.signal, () => putFile(this.client, localPath, at, options));
  }

  async copy(from: S3Location, to: S3Location, signal?: AbortSignal): Promise<void> {
    const source = name(from);
    // Each part of the path is encoded, the slashes between them are not.
    const CopySource = [source.Bucket, ...source.Key.split('/')].map(encodeURIComponent).join('/');
    const command = new CopyObjectCommand({ ...name(to), CopySource });
    await this.run('output', to, signal, () => this.client.send(command, { abortSignal: signal }));
  }

  async putStream(at: S3Location, stream: Readable, options: t.PutOptions): Promise<t.ObjectInfo> {
    const { signal, contentType, maxBytes } = options;
    let bytes = 0;
    async function* counted(): AsyncGenerator<Buffer> {
      for await (const chunk of limited(stream, { uri: at.uri, maxBytes, signal })) {
        bytes += chunk.length;
        yield chunk;
      }
    }
    return this.run('output', at, signal, async () => {
      const body = Readable.from(counted(), { objectMode: false });
      const condition = options.createOnly && !this.unconditional ? ({ IfNoneMatch: '*' } as const) : undefined;
      try {
        const etag = await putParts(this.client, body, at, { signal, contentType, condition });
        return describe(at.uri, bytes, etag, contentType);
      } catch (error) {
        if (condition === undefined) throw error;
        if (isTaken(error)) return this.stat(at, signal);
        if (!isNotImplemented(error)) throw error;
        // The stream is used up, so only the next try can do without.
        this.unconditional = true;
        throw unavailable('output', 'The S3 store knows no conditional writes; send the file again.', error);
      }
    });
  }

  async openRead(at: S3Location, options: t.ReadOptions): Promise<t.Opened> {
    const { signal } = options;
    return this.run('source', at, signal, async () => {
      let range: t.ByteRange | undefined;
      let info: t.ObjectInfo | undefined;
      if (options.range) {
        info = await this.stat(at, signal);
        range = clampRange(options.range, info.bytes, at.uri);
      }
      const input = { ...name(at), Range: range && `bytes=${range.start}-${range.end}` };
      const answer = await this.client.send(new GetObjectCommand(input), { abortSignal: signal });
      info ??= describe(at.uri, answer.ContentLength, answer.ETag, answer.ContentType);
      return { stream: bodyOf(answer), info, range };
    });
  }

  async *list(at: S3Location, options: t.ListOptions): AsyncGenerator<t.ObjectInfo> {
    const prefix = at.key === '' || at.key.endsWith('/') ? at.key : `${at.key}/`;
    const pages = paginateListObjectsV2(
      { client: this.client, pageSize: this.tuning.page },
      { Bucket: at.bucket, Prefix: prefix, StartAfter: options.after?.slice(`s3://${at.bucket}/`.length) },
    );
    const pump = pages[Symbol.asyncIterator]();
    for (;;) {
      const page = await this.run('source', at, options.signal, () => pump.next());
      if (page.done) return;
      for (const { Key: key, Size: size, ETag: etag, LastModified: time } of page.value.Contents ?? []) {
        // Keys that end in a slash are the folders that consoles draw.
        if (key === undefined || key.endsWith('/')) continue;
        if (!options.hidden && /(^|\/)\./.test(key.slice(prefix.length))) continue;
        yield { ...describe(`s3://${at.bucket}/${key}`, size, etag), modified: time?.getTime() };
      }
    }
  }

  async *unfinished(at: S3Location): AsyncGenerator<t.Unfinished> {
    const input = { Bucket: at.bucket, Prefix: at.key === '' ? '' : `${at.key.replace(/\/$/, '')}/` };
    let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (;;) {
      const command = new ListMultipartUploadsCommand({ ...input, ...from });
      const page = await this.run('source', at, undefined, () => this.client.send(command));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
        const uri = `s3://${at.bucket}/${Key}`;
        const abort = new AbortMultipartUploadCommand({ Bucket: at.bucket, Key, UploadId });
        const discard = async (): Promise<void> => {
          await this.run('output', at, undefined, () => this.client.send(abort).catch(ignoreMissing));
        };
        yield { uri, startedAt: Initiated.getTime(), discard };
      }
      if (!page.IsTruncated) return;
      from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  async remove(at: S3Location): Promise<void> {
    await this.run('output', at, undefined, () => this.client.send(new DeleteObjectCommand(name(at))));
  }

  async removeMany(ats: readonly S3Location[]): Promise<void> {
    const buckets = new Map<string, S3Location[]>();
    // XML, which such a request is, cannot say every key.
    const [one, many] = [ats.filter(({ key }) => NOT_XML.test(key)), ats.filter(({ key }) => !NOT_XML.test(key))];
    for (const at of many) buckets.set(at.bucket, [...(buckets.get(at.bucket) ?? []), at]);
    for (const all of buckets.values()) {
      for (let from = 0; from < all.length; from += MAX_DELETES) {
        if (!(await this.removeAtOnce(all.slice(from, from + MAX_DELETES))))
          one.push(...all.slice(from, from + MAX_DELETES));
      }
    }
    for (const at of one) await this.remove(at);
  }

  /** @returns false: the store knows no such request */
  private async removeAtOnce(ats: readonly S3Location[]): Promise<boolean> {
    const [first] = ats;
    if (first === undefined) return true;
    const Delete = { Objects: ats.map(({ key }) => ({ Key: key })), Quiet: true };
    const command = new DeleteObjectsCommand({ Bucket: first.bucket, Delete });
    return this.run('output', first, undefined, async () => {
      try {
        const [failed] = (await this.client.send(command)).Errors ?? [];
        if (failed === undefined) return true;
        const at = ats.find(({ key }) => key === failed.Key) ?? first;
        // Said of one object, which a request of its own explains in full.
        await this.client.send(new DeleteObjectCommand(name(at)));
        return false;
      } catch (error) {
        if (isNotImplemented(error)) return false;
        throw error;
      }
    });
  }

  async writeText(at: S3Location, text: string, contentType: string): Promise<void> {
    const input = { ...name(at), Body: text, ContentType: contentType, CacheControl: ASKED_ANEW };
    await this.run('output', at, undefined, () => this.client.send(new PutObjectCommand(input)));
  }

  async readText(at: S3Location, maxBytes: number): Promise<{ text: string; version: string } | undefined> {
    return this.run('source', at, undefined, async () => {
      try {
        const answer = await this.client.send(new GetObjectCommand(name(at)));
        const text = await receiveText(bodyOf(answer), { uri: at.uri, maxBytes, watch: this.tuning });
        return { text, version: answer.ETag ?? '' };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  async replaceText(
    at: S3Location,
    text: string,
    contentType: string,
    previous: string | undefined,
  ): Promise<'written' | 'conflict'> {
    const condition = previous === undefined ? { IfNoneMatch: '*' } : { IfMatch: previous };
    const input = { ...name(at), ...condition, Body: text, ContentType: contentType, CacheControl: ASKED_ANEW };
    return this.run('output', at, undefined, async () => {
      try {
        await this.client.send(new PutObjectCommand(input));
        return 'written';
      } catch (error) {
        // If-Match answers 404 where the object went away meanwhile.
        if (isConflict(error) || (previous !== undefined && isMissing(error))) return 'conflict';
        throw error;
      }
    });
  }

  close(): void {
    this.client.destroy();
  }

  private run<T>(role: Role, at: S3Location, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return translating(signal, (error) => s3Failure(error, role, at.uri), work);
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

function name(at: S3Location): { Bucket: string; Key: string } {
  if (at.key !== '' && !at.key.endsWith('/')) return { Bucket: at.bucket, Key: at.key };
  throw new DarkroomError('InvalidJob', `${printable(at.uri)} names no object, only a bucket or a folder.`);
}

function describe(uri: string, bytes = 0, etag = '', contentType?: string): t.ObjectInfo {
  return { uri, bytes, fingerprint: `${etag.replaceAll('"', '')}-${bytes}`, contentType };
}

function bodyOf(answer: GetObjectCommandOutput): Readable {
  // In Node the SDK's union of body types is always this one.
  return answer.Body as Readable;
}
