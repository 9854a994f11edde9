import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileUri } from '../../storage';
import { parseJob } from '../core/job';
import { ItemProblem, type Entry } from '../core/stream';
import { readLines } from './lines';

/** Schemes are at least two letters, so that a drive letter is none. */
const HAS_SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/**
 * One job a line, as JSON; empty lines are skipped. A plain path in `source` or `output` counts from `folder`.
 * @param name of the list, for messages: a bad line is told as `name:17`
 */
export async function* readJobList(stream: Readable, name: string, folder: string): AsyncGenerator<Entry> {
  for await (const { number, text } of readLines(stream)) {
    if (text?.trim() === '') continue;
    yield toEntry(text, `${name}:${number}`, folder);
  }
}

function toEntry(text: string | undefined, where: string, folder: string): Entry {
  if (text === undefined) return new ItemProblem(where, 'InvalidJob', 'The line is longer than 1 MiB.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new ItemProblem(where, 'InvalidJob', 'The line is not JSON.');
  }
  try {
    return parseJob(withUris(value, folder));
  } catch (error) {
    return ItemProblem.from(where, error);
  }
}

function withUris(value: unknown, folder: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { source, output } = value as { source?: unknown; output?: unknown };
  const toUri = (text: unknown): unknown =>
    typeof text === 'string' && text !== '' && !HAS_SCHEME.test(text) ? fileUri(path.resolve(folder, text)) : text;
  return {
    ...value,
    ...(source !== undefined && { source: toUri(source) }),
    ...(output !== undefined && { output: toUri(output) }),
  };
}
