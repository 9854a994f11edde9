import { codeOf, DarkroomError } from '../common/errors';
import { printable } from '../net/url';

export { codeOf };

/** Is the URI read from or written to? Decides the type of a failure. */
export type Role = 'source' | 'output';

export function forbidden(role: Role, message: string, details: Record<string, string> = {}): DarkroomError {
  return new DarkroomError(role === 'source' ? 'SourceForbidden' : 'OutputForbidden', message, details);
}

export function unavailable(role: Role, message: string, cause: unknown): DarkroomError {
  const type = role === 'source' ? 'SourceUnavailable' : 'StorageUnavailable';
  return new DarkroomError(type, message, { cause: causeText(cause) }, { cause });
}

export function tooLarge(uri: string, maxBytes: number): DarkroomError {
  return new DarkroomError('MediaTooLarge', `${printable(uri)} is larger than the ${maxBytes} bytes allowed.`, {
    maxBytes,
  });
}

/** The name of an output is taken, and not by the file that was to have it. */
export function nameTaken(uri: string, details: Record<string, string | number>): DarkroomError {
  return new DarkroomError('InvalidJob', `Another file already has the name ${printable(uri)}.`, details);
}

/** Short text of a cause for `details`; no paths of this machine, so only the code where there is one. */
function causeText(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/**
 * Runs `work`; on abort throws the signal's reason, else what `map` makes of the error. Failures that already have
 * their type pass as they are.
 */
export async function translating<T>(
  signal: AbortSignal | undefined,
  map: (error: unknown) => unknown,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof DarkroomError ? error : map(error);
  }
}

/** A failure of the local file system at `uri`. Errors without a code are bugs and pass unchanged. */
export function fileFailure(error: unknown, role: Role, uri: string): unknown {
  if (error instanceof DarkroomError) return error;
  const name = printable(uri);
  switch (codeOf(error)) {
    case undefined:
      return error;
    case 'ENOENT':
    case 'ENOTDIR':
      if (role === 'source') return new DarkroomError('SourceNotFound', `There is no file at ${name}.`);
      if (codeOf(error) === 'ENOENT') return unavailable(role, `The folder of ${name} went away while writing.`, error);
      return new DarkroomError('InvalidJob', `A part of the path of ${name} is a file, not a folder.`);
    case 'EEXIST':
      return new DarkroomError('InvalidJob', `A part of the path of ${name} is a file, not a folder.`);
    case 'EACCES':
    case 'EPERM':
    case 'ELOOP':
      return forbidden(role, `Darkroom has no permission to ${role === 'source' ? 'read' : 'write'} ${name}.`);
    case 'EISDIR':
      return new DarkroomError('InvalidJob', `${name} is a folder, not a file.`);
    case 'ENXIO':
      return new DarkroomError('InvalidJob', `${name} is not a regular file.`);
    case 'ENAMETOOLONG':
      return new DarkroomError('InvalidJob', `A name in ${name} is too long for the file system.`);
    case 'ENOSPC':
    case 'EDQUOT':
      return new DarkroomError('StorageUnavailable', `There is no space left to write ${name}.`, diskFull(error));
    case 'EROFS':
      return new DarkroomError('StorageUnavailable', `${name} lies on a disk that is mounted read-only.`);
    default:
      return unavailable(role, `${name} could not be ${role === 'source' ? 'read' : 'written'} just now.`, error);
  }
}

/** A failure to write a work file: never the fault of who sent the source. */
export function scratchFailure(error: unknown): unknown {
  if (error instanceof DarkroomError || codeOf(error) === undefined) return error;
  const full = codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
  const message = full ? 'The scratch disk of the worker is full.' : 'The scratch disk of the worker cannot be used.';
  return new DarkroomError('StorageUnavailable', message, diskFull(error), { cause: error });
}

function diskFull(error: unknown): { cause: string } {
  return { cause: codeOf(error) ?? 'unknown' };
}
