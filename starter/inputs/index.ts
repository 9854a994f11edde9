import { createReadStream, statSync } from 'node:fs';
import path from 'node:path';
import { addAbortSignal } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { fileUri, type Storage } from '../../storage';
import { ItemProblem, type Entry } from '../core/stream';
import { samplePaths } from '../../local/samples';
import { readFolder } from './folder';
import { readJobList } from './list';

/** A mistake in what was typed: told in one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Where items come from. `folder` is what the worker must be allowed to read, where that is a local folder. */
export type Input = { name: string; folder?: string } & (
  | { type: 'samples'; count: number }
  | { type: 'folder' | 'single'; uri: string }
  | { type: 'list'; path: string }
  | { type: 'stdin' }
);

const MAX_SAMPLES = 1_000_000;

/**
 * What an `--input` means: a folder, `s3://bucket/prefix`, a list of jobs (`.jsonl`, `.ndjson`), `-` for such a list on
 * stdin, or one file. A bare number means that many samples.
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
  if (/\.(jsonl|ndjson)$/i.test(file)) return { type: 'list', path: file, name, folder };
  return { type: 'single', uri: name, name, folder };
}

function localPath(text: string, cwd: string): string {
  try {
    return /^file:/i.test(text) ? fileURLToPath(text) : path.resolve(cwd, text);
  } catch {
    throw new UsageError(`--input ${text}: its percent-encoding is wrong`);
  }
}

export interface OpenOptions {
  storage: Storage;
  /** Folder of the samples, which must be there. */
  samples: string;
  /** URI prefix whose files are no input. */
  except?: string;
  cwd: string;
  signal?: AbortSignal;
}

/** The items of an input, one after the other as they are asked for. */
export async function* openInput(input: Input, options: OpenOptions): AsyncGenerator<Entry> {
  switch (input.type) {
    case 'samples':
      for (const file of samplePaths(options.samples, input.count)) yield { source: fileUri(file) };
      return;
    case 'folder':
      yield* readFolder(options.storage, input.uri, options);
      return;
    case 'single':
      yield { source: input.uri };
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
        yield new ItemProblem(
          input.name,
          'SourceUnavailable',
          `The list could not be read to its end: ${String(error)}`,
        );
      }
  }
}
