import { DarkroomError } from '../common/errors';
import type { ByteRange } from './types';
import { printable } from './uri';

/** A wanted range inside of a file's real bounds. @throws InvalidJob with the size in `details.bytes` (HTTP's 416) */
export function clampRange(wanted: { start: number; end?: number }, bytes: number, uri: string): ByteRange {
  const end = Math.min(wanted.end ?? bytes - 1, bytes - 1);
  if (wanted.start >= 0 && wanted.start <= end) return { start: wanted.start, end };
  throw new DarkroomError('InvalidJob', `${printable(uri)} has no bytes in the range asked for.`, { bytes });
}
