import type { Readable } from 'node:stream';
import type { Manifest } from '../common/contracts';
import type { DarkroomError } from '../common/errors';
import type { RequestTuning } from '../net/request';

/** One stored file, as its store describes it. */
export interface ObjectInfo {
  uri: string;
  /** -1 where an https host does not say. */
  bytes: number;
  /**
   * Identifies this version of the file without reading it: size and modification time (µs) for files, ETag and size
   * for S3, ETag, else time, else size for https.
   */
  fingerprint: string;
  contentType?: string;
  /** ms since 1970; in listings of files and of S3. */
  modified?: number;
}

/** A source on the scratch disk. */
export interface Fetched extends ObjectInfo {
  /** The file to read: the work path asked for. Never write to it: it may be a hard link to the source itself. */
  path: string;
  /** Lower-case hex, of exactly the bytes at `path`. */
  sha256: string;
  /** False once the bytes at `path` are others than were hashed, which only a hard link makes possible. */
  isUnchanged(): Promise<boolean>;
}

export interface FetchOptions {
  signal?: AbortSignal;
  /** Refuses more than this with MediaTooLarge, whatever the store claims. */
  maxBytes: number;
  /** Called with the bytes read so far. */
  onProgress?: (bytes: number) => void;
}

export interface PublishOptions {
  contentType: string;
  signal?: AbortSignal;
  /** What the local file must measure; anything else is refused. */
  bytes?: number;
  /** Lower-case hex; kept as metadata where the store has room for it. */
  sha256?: string;
  /** Of HTTP, for those who read the object from S3; files have no place for it. */
  cacheControl?: string;
  /** Called with the bytes that have left so far; again with the same number while a disk still writes them. */
  onProgress?: (bytes: number) => void;
}

/** `present`: the name was taken already, and keeps the file that it had. */
export type Published = 'published' | 'present';

export interface PutOptions {
  maxBytes: number;
  contentType: string;
  signal?: AbortSignal;
  /** A name that is taken keeps the file that it has; its facts are returned. */
  createOnly?: boolean;
}

/** Bytes from `start` to `end`, both included, as in HTTP. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface ReadOptions {
  /** `end` may lie behind the last byte. A `start` behind it is refused with InvalidJob and `details.bytes`. */
  range?: { start: number; end?: number };
  signal?: AbortSignal;
}

export interface Opened {
  stream: Readable;
  /** Of the whole file. */
  info: ObjectInfo;
  /** What the stream holds, where a range was asked for. */
  range?: ByteRange;
}

export interface ListOptions {
  /** Told of each entry or folder that cannot be read; the others go on. Without it, the first one ends the listing. */
  onError?: (error: DarkroomError, uri: string) => void;
  /** Also yields what has a name that begins with a dot, or lies in such a folder. */
  hidden?: boolean;
  /**
   * Called with each folder that has nothing in it, and with the time of its last change (ms since 1970), before the listing
   * goes on. Local folders only: S3 has none.
   */
  onEmpty?: (uri: string, modified: number) => Promise<void>;
  /** Goes on behind this object of an earlier listing. S3 only: a local folder has no order. */
  after?: string;
  signal?: AbortSignal;
}

/** An upload in parts that was begun, and neither completed nor given up. */
export interface Unfinished {
  /** What it would become. */
  uri: string;
  /** ms since 1970. */
  startedAt: number;
  /** Removes its parts; that they are gone is no failure. */
  discard: () => Promise<void>;
}

export interface StoredManifest {
  manifest: Manifest;
  /** Characters of its text. */
  size: number;
  /** For `replaceManifest`. */
  version: string;
}

/**
 * Sources and outputs by URI. Every failure is a DarkroomError; an abort throws the signal's reason. Nobody ever sees
 * a half-written file under its final name.
 */
export interface Storage {
  /** Shape and allow-list only, no I/O beyond the file of roots. Throws InvalidJob or SourceForbidden. */
  checkSource(uri: string): void;
  /** The same for an output file or prefix. Throws InvalidJob or OutputForbidden. */
  checkOutput(uri: string): void;
  stat(uri: string, signal?: AbortSignal): Promise<ObjectInfo>;
  /** Brings a source to `workPath`, which must not exist yet; local files cost no copy where a hard link is possible. */
  fetch(uri: string, workPath: string, options: FetchOptions): Promise<Fetched>;
  /**
   * Gives a finished local file a name in the store. A published file is never replaced: where the name is taken, the
   * file that has the name stays. The local file must not be changed afterwards (it may be linked, not copied).
   * @throws DarkroomError InvalidJob where the file that has the name is another one than `options` describe
   */
  publishFile(localPath: string, uri: string, options: PublishOptions): Promise<Published>;
  /**
   * Gives a published file a second name at the store's side: a hard link or a copy on a disk, CopyObject in S3. Neither
   * of the two is ever changed afterwards.
   * @returns false where the two lie in different stores: nothing is done
   */
  copy(fromUri: string, toUri: string, signal?: AbortSignal): Promise<boolean>;
  /** @throws DarkroomError InvalidJob where the file of that name is too large for a manifest, or none of Darkroom's */
  readManifest(itemUri: string): Promise<StoredManifest | undefined>;
  /** Replaces the manifest only if it still is `previousVersion` (`undefined`: only if there is none). */
  replaceManifest(
    itemUri: string,
    manifest: Manifest,
    previousVersion: string | undefined,
  ): Promise<'written' | 'conflict'>;
  writeText(uri: string, text: string, contentType: string): Promise<void>;
  /** A small text and its version for `replaceText`; undefined where there is none. */
  readText(uri: string): Promise<{ text: string; version: string } | undefined>;
  /** Replaces a text only if it still is `previousVersion` (`undefined`: only if there is none). */
  replaceText(
    uri: string,
    text: string,
    contentType: string,
    previousVersion: string | undefined,
  ): Promise<'written' | 'conflict'>;
  openRead(uri: string, options?: ReadOptions): Promise<Opened>;
  /** Every file below a folder or `s3://bucket/prefix/`, in no particular order and in constant memory. */
  list(uriPrefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** The unfinished uploads below a prefix; a store that has none of the kind yields none. */
  unfinished(uriPrefix: string): AsyncIterable<Unfinished>;
  putStream(uri: string, stream: Readable, options: PutOptions): Promise<ObjectInfo>;
  /** Removes one file; that it is not there is no failure. Local folders left empty go too, as they would in S3. */
  remove(uri: string): Promise<void>;
  /** The same for many; S3 takes a thousand objects of a bucket in one request. */
  removeMany(uris: readonly string[]): Promise<void>;
  /** Removes a folder that is empty, and those above it that are empty then. Any other one stays. */
  removeEmpty(uri: string): Promise<void>;
  close(): void;
}

/** Waits, rates and pages of the network. Tests lower them. */
export interface Tuning extends RequestTuning {
  /** Each window of this many ms has to bring `windowBytes`, else the source counts as stalled. */
  window: number;
  windowBytes: number;
  /** Keys in one page of an S3 listing, 1000 at most. */
  page: number;
}
