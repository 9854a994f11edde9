import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DarkroomError } from '../common/errors';
import { parseWebUrl, printable, unusable } from '../net/url';

export { printable };

export interface FileLocation {
  scheme: 'file';
  uri: string;
  /** Absolute, without a trailing slash. */
  path: string;
}
export interface S3Location {
  scheme: 's3';
  uri: string;
  bucket: string;
  /** As S3 knows it: nothing in an `s3:` URI is percent-encoded. Empty for the whole bucket. */
  key: string;
}
export interface WebLocation {
  scheme: 'web';
  uri: string;
  url: URL;
}
export type Location = FileLocation | S3Location | WebLocation;

/** The longest URI taken, in characters; and of a name and an S3 key, in bytes. */
const MAX_URI = 8192;
const MAX_SEGMENT = 255;
const MAX_KEY = 1024;

/** The `file:` URI of a path; spaces, quotes, `%`, `#`, `?` and non-ASCII letters are percent-encoded. */
export function fileUri(absolutePath: string): string {
  return pathToFileURL(absolutePath).href;
}

/** Takes a URI apart. @throws InvalidJob with the reason. */
export function parseUri(uri: string): Location {
  if (typeof uri !== 'string' || uri === '') throw new DarkroomError('InvalidJob', 'A URI is missing.');
  if (uri.length > MAX_URI) throw unusable(uri, `it is longer than ${MAX_URI} characters`);
  if (/\x00|%00/.test(uri)) throw unusable(uri.replaceAll('\x00', '%00'), 'it contains a NUL');
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === 'file') return parseFile(uri);
  if (scheme === 's3') return parseS3(uri);
  if (scheme === 'https' || scheme === 'http') return { scheme: 'web', uri, url: parseWebUrl(uri) };
  throw unusable(uri, 'expected a URI that begins with file:///, s3:// or https://');
}

function parseFile(uri: string): FileLocation {
  if (!/^file:\/\/\//i.test(uri)) throw unusable(uri, 'expected three slashes and an absolute path after file:');
  // Looked for in the text itself, because URL resolves dots away before anybody could see them.
  if (/(^|[/\\])(\.|%2e){2}([/\\]|$)/i.test(uri)) throw unusable(uri, '".." is not allowed in it');
  if (/[?#]/.test(uri)) throw unusable(uri, 'in a file: URI, write ? as %3F and # as %23');
  try {
    const full = path.normalize(fileURLToPath(uri));
    return { scheme: 'file', uri, path: full.length > 1 ? full.replace(/\/+$/, '') : full };
  } catch {
    throw unusable(uri, 'its percent-encoding is wrong');
  }
}

function parseS3(uri: string): S3Location {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/(.*))?$/is.exec(uri);
  if (!match) throw unusable(uri, 'expected s3://bucket/key');
  const key = match[2] ?? '';
  if (Buffer.byteLength(key) > MAX_KEY) throw unusable(uri, `its key is longer than ${MAX_KEY} bytes`);
  // S3 takes such keys literally, but gateways over file systems do not.
  if (key.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw unusable(uri, '"." and ".." are not allowed in a key');
  }
  return { scheme: 's3', uri, bucket: match[1] as string, key };
}

/** Why a name cannot be part of an output, or undefined. */
export function segmentProblem(segment: string): string | undefined {
  if (segment === '') return 'it has an empty name between two slashes';
  if (segment === '.' || segment === '..') return `"${segment}" is not allowed in it`;
  if (/[\\\x00]/.test(segment)) return 'a name in it contains a backslash or a NUL';
  if (Buffer.byteLength(segment) > MAX_SEGMENT) return `a name in it is longer than ${MAX_SEGMENT} bytes`;
  return undefined;
}

/** The names in a location that outputs are checked by. */
export function checkSegments(location: FileLocation | S3Location): void {
  const text = location.scheme === 'file' ? location.path.slice(1) : location.key.replace(/\/$/, '');
  if (text === '') return;
  for (const segment of text.split('/')) {
    const problem = segmentProblem(segment);
    if (problem !== undefined) throw unusable(location.uri, problem);
  }
}

/** `prefix` with names below it. Each part may hold several names with slashes. @throws InvalidJob */
export function joinUri(prefix: string, ...parts: string[]): string {
  const location = parseUri(prefix);
  if (location.scheme === 'web') throw unusable(prefix, 'outputs cannot lie there');
  const segments = parts.flatMap((part) => part.split('/'));
  for (const segment of segments) {
    const problem = segmentProblem(segment);
    if (problem !== undefined) throw unusable(`${prefix}/${segment}`, problem);
  }
  if (location.scheme === 'file') return fileUri(path.join(location.path, ...segments));
  return [prefix.replace(/\/+$/, ''), ...segments].join('/');
}
