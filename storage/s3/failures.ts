import { DarkroomError } from '../../common/errors';
import { codeOf, forbidden, unavailable, type Role } from '../failures';
import { printable } from '../uri';

interface ServiceError {
  name?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
}

/** Answers with status 400 that pass: credentials about to be renewed, a slow or confused connection. */
const PASSING = [
  'ExpiredToken',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'IncompleteBody',
  'CredentialsProviderError',
];

/** A create-only write found that the name is taken. */
export function isTaken(error: unknown): boolean {
  return statusOf(error) === 412 || (error as ServiceError).name === 'PreconditionFailed';
}

/** The store does not know what was asked for, a condition on a multipart upload for example. */
export function isNotImplemented(error: unknown): boolean {
  return statusOf(error) === 501 || (error as ServiceError).name === 'NotImplemented';
}

/** Conditional writes that found something else than expected; 409: another writer is at it right now. */
export function isConflict(error: unknown): boolean {
  return isTaken(error) || statusOf(error) === 409;
}

export function isMissing(error: unknown): boolean {
  const { name } = error as ServiceError;
  return (statusOf(error) === 404 || name === 'NoSuchKey') && name !== 'NoSuchBucket';
}

/** What an error of the SDK means for somebody who named `uri`. Errors that are neither S3's nor the network's pass. */
export function s3Failure(error: unknown, role: Role, uri: string): unknown {
  if (error instanceof DarkroomError) return error;
  const cause = (error as ServiceError).name ?? '';
  const name = printable(uri);
  const status = statusOf(error);
  if (PASSING.includes(cause)) return unavailable(role, `The S3 store could not serve ${name} just now.`, error);
  if (cause === 'NoSuchBucket') {
    return new DarkroomError(
      role === 'source' ? 'SourceNotFound' : 'InvalidJob',
      `The bucket of ${name} does not exist.`,
    );
  }
  if (status === 404) {
    // Writing answers 404 only where the bucket is missing; some stores do not name it so.
    return role === 'source'
      ? new DarkroomError('SourceNotFound', `There is no object at ${name}.`)
      : new DarkroomError('InvalidJob', `The bucket of ${name} does not exist.`);
  }
  if (status === 401 || status === 403) {
    const verb = role === 'source' ? 'reading' : 'writing';
    return forbidden(role, `The S3 store refuses ${verb} ${name}.`, { cause });
  }
  if (status === 301 || status === 307) {
    return new DarkroomError('InvalidJob', `The bucket of ${name} is in another region than the one configured.`);
  }
  // 408 and 429: too slow, too much; 409: another request for the same object is under way.
  if (status !== undefined && status >= 400 && status < 500 && ![408, 409, 429].includes(status)) {
    return new DarkroomError('InvalidJob', `The S3 store does not accept ${name} (${cause}).`, { status });
  }
  // The SDK marks what went through it; without a status, no answer came at all.
  const sent = codeOf(error) !== undefined || (error as ServiceError).$metadata !== undefined || /Timeout/.test(cause);
  if (!sent) return error;
  return unavailable(role, `The S3 store could not serve ${name} just now.`, error);
}

function statusOf(error: unknown): number | undefined {
  return (error as ServiceError).$metadata?.httpStatusCode;
}
