import { STATUS_CODES } from 'node:http';
import { problemAnswer } from './schemas';

/** The problems of a route, for its schema; every route may also answer 500. */
export function failures<const S extends number>(...statuses: S[]) {
  return Object.fromEntries(
    [...statuses, 500].map((status) => [
      status,
      { description: STATUS_CODES[status] ?? '', content: { 'application/problem+json': { schema: problemAnswer } } },
    ]),
  ) as Record<never, never>;
}
