import { STATUS_CODES } from 'node:http';
import { problemAnswer } from './schemas';

/** What any route answers that needs a key: a page of another site asks, or the key asks too often. */
const OF_KEYS = [403, 429];

/** The problems of a route, for its schema; every route may also answer 431 and 500. */
export function failures<const S extends number>(...statuses: S[]) {
  const all = new Set<number>([...statuses, ...(statuses.some((status) => status === 401) ? OF_KEYS : []), 431, 500]);
  return Object.fromEntries(
    [...all]
      .sort()
      .map((status) => [
        status,
        { description: STATUS_CODES[status] ?? '', content: { 'application/problem+json': { schema: problemAnswer } } },
      ]),
  ) as Record<never, never>;
}
