/** Bytes, both ends included. */
export interface Range {
  start: number;
  end: number;
}

/**
 * One range of a `Range` header. Several, or something else than bytes, are answered with the whole file, as RFC 9110 allows.
 * @param bytes of the whole file
 */
export function parseRange(header: string | undefined, bytes: number): Range | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') {
    const count = Math.min(Number(last), bytes);
    return count === 0 ? 'unsatisfiable' : { start: bytes - count, end: bytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start < bytes ? { start, end } : 'unsatisfiable';
}
