import type { Readable } from 'node:stream';
import type {
  Fetched,
  FetchOptions,
  ListOptions,
  ObjectInfo,
  Opened,
  Published,
  PublishOptions,
  PutOptions,
  ReadOptions,
  Unfinished,
} from './types';
import type { Location } from './uri';

/** What every kind of source can do. Locations come in checked against the allow-list. */
export interface SourceStore<L extends Location> {
  stat(at: L, signal?: AbortSignal): Promise<ObjectInfo>;
  fetch(at: L, workPath: string, options: FetchOptions): Promise<Fetched>;
}

/** What a store for outputs can do beyond that. */
export interface OutputStore<L extends Location> extends SourceStore<L> {
  /** Create-only, see Storage. */
  publishFile(localPath: string, at: L, options: PublishOptions): Promise<Published>;
  /** A new object of the same bytes, made at the store's side. @throws DarkroomError SourceNotFound */
  copy(from: L, to: L, signal?: AbortSignal): Promise<void>;
  putStream(at: L, stream: Readable, options: PutOptions): Promise<ObjectInfo>;
  openRead(at: L, options: ReadOptions): Promise<Opened>;
  list(at: L, options: ListOptions): AsyncIterable<ObjectInfo>;
  unfinished?(at: L): AsyncIterable<Unfinished>;
  remove(at: L): Promise<void>;
  /** Faster than one after the other. */
  removeMany?(ats: readonly L[]): Promise<void>;
  removeEmpty?(folder: L): Promise<void>;
  writeText(at: L, text: string, contentType: string): Promise<void>;
  /**
   * A small text and its version, or undefined where there is none.
   * @throws DarkroomError MediaTooLarge above `maxBytes`, which is found out without reading more
   */
  readText(at: L, maxBytes: number): Promise<{ text: string; version: string } | undefined>;
  /** Writes only if the version still is `previous` (`undefined`: only if there is none). */
  replaceText(at: L, text: string, contentType: string, previous: string | undefined): Promise<'written' | 'conflict'>;
}
