import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Priority } from '../../../common/contracts';
import { fileUri } from '../../../storage';
import { BATCH_ID } from '../../../temporal/batches/query';
import { parseCount, parseInput, UsageError, type Input } from '../../inputs';

/** What was typed after `start-batch`, checked. */
export interface BatchOptions {
  input: Input;
  preset: string;
  /** URI prefix. */
  output?: string;
  batchId?: string;
  concurrency: number;
  priority?: Priority;
  json: boolean;
  wait: boolean;
  force: boolean;
  /** `s3://bucket/prefix` */
  staging?: string;
  sharedFiles: boolean;
  /** Files of a folder that are no media are submitted too. */
  allFiles: boolean;
  /** Base URL of the HTTP API to submit through. */
  api?: string;
}

/** Submissions at once over the one connection; Temporal has no call for many. */
const DEFAULT_CONCURRENCY = 64;

/** Reads an option or argument that is a whole number. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
  };

function batchId(text: string): string {
  if (BATCH_ID.test(text)) return text;
  throw new InvalidArgumentError('expected letters, digits, dots, dashes and underscores, 100 at most');
}

function staging(text: string): string {
  if (/^s3:\/\/[^/]+/i.test(text)) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('expected s3://bucket/prefix');
}

function apiUrl(text: string): string {
  if (/^https?:\/\/[^/]+/i.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('expected http://host:port or https://host');
}

const output =
  (cwd: string) =>
  (text: string): string => {
    if (/^(s3:\/\/[^/]+|file:\/\/\/)/i.test(text)) return text.replace(/\/+$/, '');
    if (/^[a-z][a-z0-9+.-]+:/i.test(text) || text === '')
      throw new InvalidArgumentError('expected a folder or s3://bucket/prefix');
    return fileUri(path.resolve(cwd, text));
  };

/** A command of ours: mistakes come out as one line, by `runCommand`. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({ writeErr: () => {}, outputError: () => {} });
}

const START_BATCH = {
  name: 'start-batch',
  description: 'Processes images and videos: samples, or your own by --input.',
};

/**
 * @param argv what follows the name of the script
 * @param as another command that takes the same
 * @throws UsageError or CommanderError that names the mistake
 */
export function parseBatchOptions(argv: string[], cwd: string, as = START_BATCH): BatchOptions {
  const parser = command(as.name, as.description)
    .argument('[count|input]', 'this many sample items, or what --input takes')
    .option(
      '-i, --input <from>',
      'a folder, a file, s3://bucket/prefix, list.jsonl, list.csv, or - for such a list on stdin',
    )
    .option('--all-files', 'submit all files of a folder, also those that are no media', false)
    .option('-p, --preset <name>', 'a file in presets/', 'web')
    .option('-o, --output <uri>', 'a folder or s3://bucket/prefix', output(cwd))
    .option('--batch-id <id>', 'default: made from input, preset and output, so that the same command goes on', batchId)
    .option('--concurrency <n>', 'submissions at once', wholeNumber(1, 1000), DEFAULT_CONCURRENCY)
    .option('--priority <1-5>', '1 is served first', wholeNumber(1, 5))
    .option('--json', 'progress as JSON lines on stderr, the summary as the last line on stdout', false)
    .option('--no-wait', 'submit and leave')
    .option('--force', 'do again what is done', false)
    .option('--staging <uri>', 's3://bucket/prefix to bring local files to, for remote workers', staging)
    .option('--api <url>', 'submit through the HTTP API there instead of to Temporal', apiUrl)
    .option('--shared-files', 'remote workers see the same files under the same names', false);
  parser.parse(argv, { from: 'user' });
  const { input, ...rest } = parser.opts<Omit<BatchOptions, 'input'> & { input?: string }>();
  return { ...rest, input: whichInput(parser.args[0], input, cwd) };
}

function whichInput(argument: string | undefined, input: string | undefined, cwd: string): Input {
  if (argument !== undefined && input !== undefined) {
    throw new UsageError(`either ${argument} or --input ${input}, not both`);
  }
  if (input !== undefined) return parseInput(input, cwd);
  if (argument === undefined) {
    throw new UsageError(
      'say how many samples (npm run start-batch 2000) or name your own (npm run start-batch -- --input ./photos)',
    );
  }
  if (!isNumber(argument) && (/[/\\:]|^-$/.test(argument) || existsSync(path.resolve(cwd, argument)))) {
    return parseInput(argument, cwd);
  }
  const count = parseCount(argument);
  return { type: 'samples', count, name: `samples-${count}` };
}

/** Also a number that is none of samples: it is a mistake, and no folder. */
function isNumber(text: string): boolean {
  return /^[-+]?\d/.test(text) && Number.isFinite(Number(text));
}
