import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { addAbortSignal } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { fileUri, type Storage } from '../../storage';
import type { Entry } from '../core/intake';
import { samplePaths } from '../../local/samples';
import { DarkroomError } from '../../common/errors';
import { sniff, SNIFF_BYTES } from '../../media/sniff';
import { asUtf8 } from './encoding';
import { readFolder, type FolderOptions } from './folder';
import { readJobList } from './list';
import { UsageError } from './usage';

export { UsageError };

/** Where items come from. `folder` is what the worker must be allowed to read, where that is a local folder. */
export type Input = { name: string; folder?: string } & (
  | { type: 'samples'; count: number }
  | { type: 'folder' | 'single'; uri: string }
  | { type: 'list'; path: string }
  | { type: 'stdin' }
);

const MAX_SAMPLES = 1_000_000;

/**
 * What an `--input` means: a folder, `s3://bucket/prefix`, a list of jobs (`.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv` and
 * other texts),
 * `-` for such a list on stdin, or one media file.
 * @throws UsageError
 */
export function parseInput(text: string, cwd: string): Input {
  if (text === '-') return { type: 'stdin', name: 'stdin', folder: cwd };
  if (/^s3:\/\/[^/]+/i.test(text)) return { type: 'folder', uri: text, name: text };
  if (/^https?:\/\//i.test(text)) return { type: 'single', uri: text, name: text };
  if (/^[a-z][a-z0-9+.-]+:/i.test(text) && !/^file:\/\/\//i.test(text)) {
    throw new UsageError(`--input ${text}: expected a folder, a file, s3://bucket/prefix, https://… or -`);
  }
  return parseLocal(text, cwd);
}

/** @throws UsageError */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_SAMPLES) return count;
  throw new UsageError(`expected a number of samples from 1 to ${MAX_SAMPLES}, got "${text}"`);
}

function parseLocal(text: string, cwd: string): Input {
  const file = localPath(text, cwd);
  const name = fileUri(file);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`--input ${text}: there is no such file or folder`);
  if (stats.isDirectory()) return { type: 'folder', uri: name, name, folder: file };
  const folder = path.dirname(file);
  if (/\.(jsonl|ndjson|json|csv|tsv)$/i.test(file) || isText(file)) return { type: 'list', path: file, name, folder };
  return { type: 'single', uri: name, name, folder };
}

/** A text is no media, so it is a list, or what reading it as one says that it is. */
function isText(file: string): boolean {
  const head = Buffer.alloc(SNIFF_BYTES);
  try {
    const descriptor = openSync(file, 'r');
    const size = readSync(descriptor, head);
    closeSync(descriptor);
    return sniff(head.subarray(0, size))?.format === 'text';
  } catch {
    // No permission, for example: who opens it to work with it has the words for that.
    return false;
  }
}

function localPath(text: string, cwd: string): string {
  try {
    return /^file:/i.test(text) ? fileURLToPath(text) : path.resolve(cwd, text);
  } catch {
    throw new UsageError(`--input ${text}: its percent-encoding is wrong`);
  }
}

/**
 * Looks through a list before anything is started for it.
 * @throws UsageError where it is no list of jobs, or not in an encoding that is read
 */
export async function checkInput(input: Input): Promise<void> {
  if (input.type !== 'list') return;
  const name = path.basename(input.path);
  try {
    const first = createReadStream(input.path);
    for await (const _ of readJobList(first, name, '/')) break;
    first.destroy();
    let line = 1;
    const decoder = new TextDecoder('utf-8', { fatal: true });
    for await (const chunk of asUtf8(createReadStream(input.path), name)) {
      try {
        decoder.decode(chunk, { stream: true });
      } catch {
        throw new UsageError(`${name} is not UTF-8 (at line ${line} or soon after); save the list as UTF-8`);
      }
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) line++;
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--input ${name}: cannot be read: ${String(error)}`);
  }
}

export interface OpenOptions extends FolderOptions {
  storage: Storage;
  /** Folder of the samples, which must be there. */
  samples: string;
  cwd: string;
}

/** The entries of an input, one after the other as they are asked for. @throws UsageError for stdin that is no list */
export async function* openInput(input: Input, options: OpenOptions): AsyncGenerator<Entry> {
  switch (input.type) {
    case 'samples':
      for (const file of samplePaths(options.samples, input.count)) yield entryOf(fileUri(file));
      return;
    case 'folder':
      yield* readFolder(options.storage, input.uri, options);
      return;
    case 'single':
      yield entryOf(input.uri);
      return;
    case 'stdin':
      // Whoever feeds it may pause for long; an abort must not wait for the next line.
      if (options.signal) addAbortSignal(options.signal, process.stdin);
      yield* readJobList(process.stdin, 'stdin', options.cwd);
      return;
    case 'list':
      try {
        const stream = createReadStream(input.path, { signal: options.signal });
        yield* readJobList(stream, path.basename(input.path), path.dirname(input.path));
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof UsageError) throw error;
        const reason = `The list could not be read to its end: ${String(error)}`;
        yield { name: input.name, job: new DarkroomError('SourceUnavailable', reason) };
      }
  }
}

function entryOf(source: string): Entry {
  return { name: source, job: { source } };
}
