import path from 'node:path';
import { DarkroomError } from '../../common/errors';
import { fileUri } from '../../storage';
import type { Entry } from '../core/intake';
import { jobOrError } from '../core/job';
import type { ListValue } from './lines';
import { readValues } from './values';

/** Schemes are at least two letters, so that a drive letter is none. */
const HAS_SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/**
 * The jobs of a list; empty lines are skipped. A plain path in `source` or `output` counts from `folder`.
 * @param name of the list, for messages: a bad line is `name:17`
 * @throws UsageError as {@link readValues}
 */
export async function* readJobList(
  stream: AsyncIterable<Buffer | string>,
  name: string,
  folder: string,
): AsyncGenerator<Entry> {
  for await (const each of readValues(stream, name)) {
    const job = toJob(each, folder);
    yield { place: each.line, name: job instanceof Error ? `${name}:${each.line}` : job.source, job };
  }
}

function toJob({ value, problem }: ListValue, folder: string): Entry['job'] {
  return problem === undefined ? jobOrError(withUris(value, folder)) : new DarkroomError('InvalidJob', problem);
}

function withUris(value: unknown, folder: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { source, output } = value as { source?: unknown; output?: unknown };
  const toUri = (text: unknown): unknown =>
    typeof text === 'string' && text !== '' && !HAS_SCHEME.test(text) ? fileUri(path.resolve(folder, text)) : text;
  return {
    ...value,
    ...(source !== undefined && { source: toUri(source) }),
    ...(output !== undefined && { output: toUri(output) }),
  };
}
