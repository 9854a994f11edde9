import { createHash } from 'node:crypto';

/** An attempt of an activity, of all attempts of all runs. */
export interface Writer {
  runId: string;
  activityId: string;
  /** From 1. */
  attempt: number;
}

/** Hex digits in a name: of the run, of the attempt within the run, and of what the file holds. */
const RUN_DIGITS = 8;
const ATTEMPT_DIGITS = 4;
const CONTENT_DIGITS = 10;

/**
 * The name of an output beside manifest.json: `<name>-<writer>-<content>`, to which the extension is added.
 *
 * - The content's hash: equal names mean equal bytes, so nothing that is published ever changes under its name.
 * - The writer: no two attempts, and no two runs that share a folder, have a file in common. An attempt that fails, or a
 *   run that ends without a result, can remove what it wrote and never takes away what another one needs.
 * @param sha256 of the file, lower-case hex
 */
export function outputName(name: string, writer: Writer, sha256: string): string {
  const attempt = digits(`${writer.activityId}/${writer.attempt}`, ATTEMPT_DIGITS);
  return `${name}-${runDigits(writer.runId)}${attempt}-${sha256.slice(0, CONTENT_DIGITS)}`;
}

/** The folder of what the steps of a run hand to each other, relative to the item's folder. Gone when the run has ended. */
export function workFolder(runId: string): string {
  return `.work/${runId}`;
}

/**
 * Was a file written by this run?
 * @param path relative to the item's folder; also of a temporary file that a killed worker left
 */
export function isOfRun(path: string, runId: string): boolean {
  if (path.startsWith(`${workFolder(runId)}/`)) return true;
  const written = new RegExp(`-${runDigits(runId)}[0-9a-f]{${ATTEMPT_DIGITS}}-[0-9a-f]{${CONTENT_DIGITS}}(?![0-9a-f])`);
  return written.test(path.split('/')[0] ?? '');
}

/** What a file's name says of its run. */
export interface Written {
  /** Relative to the item's folder: the output, or a file in the folder of a stream or of intermediates. */
  path: string;
  /** Of the run that wrote it, as `runDigits` returns them. */
  run: string;
  isIntermediate: boolean;
}

const WORK_FOLDER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const OUTPUT = new RegExp(
  `-([0-9a-f]{${RUN_DIGITS}})[0-9a-f]{${ATTEMPT_DIGITS}}-[0-9a-f]{${CONTENT_DIGITS}}(?:\\.[a-z0-9]+)*$`,
);

/**
 * Which run wrote a file, anywhere in a store. Of several names on the way that could be an output's the last one counts:
 * people may name an item like an output. Undefined for every other file, manifests and evidence among them.
 * @param path absolute, or an S3 key
 */
export function writtenBy(path: string): Written | undefined {
  const names = path.split('/');
  if (/^\.?(manifest|quarantine)\.json/.test(names.at(-1) ?? '')) return undefined;
  const work = names.lastIndexOf('.work');
  if (work !== -1) {
    const runId = names[work + 1] ?? '';
    if (!WORK_FOLDER.test(runId) || work + 2 >= names.length) return undefined;
    return { path: names.slice(work).join('/'), run: runDigits(runId), isIntermediate: true };
  }
  const at = names.findLastIndex((name) => OUTPUT.test(name));
  const [, run] = OUTPUT.exec(names[at] ?? '') ?? [];
  return run === undefined ? undefined : { path: names.slice(at).join('/'), run, isIntermediate: false };
}

/** A hash, because the ids of runs begin with the time of their start, and so alike. */
export function runDigits(runId: string): string {
  return digits(runId, RUN_DIGITS);
}

function digits(text: string, count: number): string {
  return hashOf(text).slice(0, count);
}

/** SHA-256, in hexadecimal digits. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
