import type { Readable } from 'node:stream';
import type { Config } from '../common/config';
import type { Manifest } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { AllowList } from './allow';
import type { Role } from './failures';
import { WebStore } from './https';
import { LocalStore } from './local';
import { formatManifest, manifestUri, MAX_MANIFEST_BYTES, notManifest, parseManifest } from './manifest';
import { holdErrors } from './receive';
import type { S3Store } from './s3';
import type { OutputStore, SourceStore } from './store';
import type * as t from './types';
import { printable, type Location } from './uri';

export type * from './types';
export { bytesOf } from './manifest';
export { Places } from './places';
export { fileUri, joinUri, printable } from './uri';

const TUNING: t.Tuning = { answer: 30_000, window: 30_000, windowBytes: 32 * 1024, page: 1000 };
const JSON_TYPE = 'application/json';

/** Storage for local files, S3 and https sources, within what the configuration allows. */
export function createStorage(config: Config, tuning: Partial<t.Tuning> = {}): t.Storage {
  return new AnyStorage(config, { ...TUNING, ...tuning });
}

/** Checks each URI against the allow-list and hands it to the store of its scheme. */
class AnyStorage implements t.Storage {
  private readonly allow: AllowList;
  private readonly local: LocalStore;
  private readonly web: WebStore;
  private s3Store: S3Store | undefined;

  constructor(
    private readonly config: Config,
    private readonly tuning: t.Tuning,
  ) {
    this.allow = new AllowList(config);
    this.local = new LocalStore(this.allow);
    this.web = new WebStore(this.allow, tuning, config.userAgent);
  }

  checkSource(uri: string): void {
    this.allow.check(uri, 'source');
  }

  checkOutput(uri: string): void {
    this.allow.check(uri, 'output');
  }

  async stat(uri: string, signal?: AbortSignal): Promise<t.ObjectInfo> {
    const [store, at] = this.source(uri);
    return store.stat(at, signal);
  }

  async fetch(uri: string, workPath: string, options: t.FetchOptions): Promise<t.Fetched> {
    const [store, at] = this.source(uri);
    return store.fetch(at, workPath, options);
  }

  async publishFile(localPath: string, uri: string, options: t.PublishOptions): Promise<t.Published> {
    const [store, at] = this.output(uri, 'output');
    return store.publishFile(localPath, at, options);
  }

  async copy(fromUri: string, toUri: string, signal?: AbortSignal): Promise<boolean> {
    const [store, from] = this.output(fromUri, 'source');
    const [other, to] = this.output(toUri, 'output');
    if (store !== other) return false;
    await store.copy(from, to, signal);
    return true;
  }

  async readManifest(itemUri: string): Promise<t.StoredManifest | undefined> {
    const uri = manifestUri(itemUri);
    const [store, at] = this.output(uri, 'output');
    const found = await readManifestText(store, at);
    return found && { manifest: parseManifest(found.text, uri), size: found.text.length, version: found.version };
  }

  async replaceManifest(
    itemUri: string,
    manifest: Manifest,
    previousVersion: string | undefined,
  ): Promise<'written' | 'conflict'> {
    const [store, at] = this.output(manifestUri(itemUri), 'output');
    const text = formatManifest(manifest);
    const outcome = await store.replaceText(at, text, JSON_TYPE, previousVersion);
    if (outcome === 'written') return outcome;
    // An answer lost on the way makes our own earlier write look like somebody else's.
    return (await readManifestText(store, at))?.text === text ? 'written' : 'conflict';
  }

  async writeText(uri: string, text: string, contentType: string): Promise<void> {
    const [store, at] = this.output(uri, 'output');
    await store.writeText(at, text, contentType);
  }

  async readText(uri: string): Promise<{ text: string; version: string } | undefined> {
    const [store, at] = this.output(uri, 'source');
    return store.readText(at, MAX_MANIFEST_BYTES);
  }

  async replaceText(
    uri: string,
    text: string,
    contentType: string,
    previousVersion: string | undefined,
  ): Promise<'written' | 'conflict'> {
    const [store, at] = this.output(uri, 'output');
    return store.replaceText(at, text, contentType, previousVersion);
  }

  async openRead(uri: string, options: t.ReadOptions = {}): Promise<t.Opened> {
    const [store, at] = this.output(uri, 'source');
    return store.openRead(at, options);
  }

  async *list(uriPrefix: string, options: t.ListOptions = {}): AsyncIterable<t.ObjectInfo> {
    const [store, at] = this.output(uriPrefix, 'source');
    yield* store.list(at, options);
  }

  async *unfinished(uriPrefix: string): AsyncIterable<t.Unfinished> {
    const [store, at] = this.output(uriPrefix, 'output');
    if (store.unfinished) yield* store.unfinished(at);
  }

  async putStream(uri: string, stream: Readable, options: t.PutOptions): Promise<t.ObjectInfo> {
    holdErrors(stream);
    const [store, at] = this.output(uri, 'output');
    return store.putStream(at, stream, options);
  }

  async remove(uri: string): Promise<void> {
    const [store, at] = this.output(uri, 'output');
    await store.remove(at);
  }

  async removeMany(uris: readonly string[]): Promise<void> {
    const groups = new Map<OutputStore<Location>, Location[]>();
    for (const uri of uris) {
      const [store, at] = this.output(uri, 'output');
      groups.set(store, [...(groups.get(store) ?? []), at]);
    }
    for (const [store, ats] of groups) {
      if (store.removeMany) await store.removeMany(ats);
      else for (const at of ats) await store.remove(at);
    }
  }

  async removeEmpty(uri: string): Promise<void> {
    const [store, at] = this.output(uri, 'output');
    await store.removeEmpty?.(at);
  }

  close(): void {
    this.web.close();
    this.s3Store?.close();
  }

  private source(uri: string): [SourceStore<Location>, Location] {
    const at = this.allow.check(uri, 'source');
    return [at.scheme === 'web' ? this.web : this.store(at), at];
  }

  private output(uri: string, role: Role): [OutputStore<Location>, Location] {
    const at = this.allow.check(uri, role);
    if (at.scheme !== 'web') return [this.store(at), at];
    throw new DarkroomError('InvalidJob', `${printable(uri)} can only be a source, of one file.`);
  }

  private store(at: Location): OutputStore<Location> {
    return at.scheme === 's3' ? this.s3() : this.local;
  }

  private s3(): S3Store {
    if (this.s3Store === undefined) {
      // The AWS SDK takes a tenth of a second to load: only for those who use it.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { S3Store: Store } = require('./s3') as typeof import('./s3');
      this.s3Store = new Store(this.config, this.tuning);
    }
    return this.s3Store;
  }
}

async function readManifestText(store: OutputStore<Location>, at: Location) {
  return store.readText(at, MAX_MANIFEST_BYTES).catch((error: unknown) => {
    throw error instanceof DarkroomError && error.type === 'MediaTooLarge' ? notManifest(at.uri) : error;
  });
}
