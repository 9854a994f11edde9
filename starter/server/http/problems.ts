import { ERRORS, isErrorType, type ErrorDetails, type ErrorType } from '../../../common/errors';

/** What can be wrong with a request, beside what can be wrong with a job (the error table in common/errors). */
export const API_PROBLEMS = {
  BadRequest: { status: 400, title: 'Bad request' },
  Unauthorized: { status: 401, title: 'A valid key is needed' },
  NotAllowed: { status: 403, title: 'This key may not do that' },
  NotFound: { status: 404, title: 'There is nothing at this address' },
  NoSuchJob: { status: 404, title: 'There is no such job' },
  NoSuchBatch: { status: 404, title: 'There is no such batch' },
  NoSuchCampaign: { status: 404, title: 'There is no such campaign' },
  NoSuchFile: { status: 404, title: 'There is no such file' },
  MethodNotAllowed: { status: 405, title: 'The address does not take this method' },
  JobOpen: { status: 409, title: 'The job is still open' },
  UploadOffset: { status: 409, title: 'The upload goes on at another byte' },
  Timeout: { status: 408, title: 'The request took too long to arrive' },
  TooLarge: { status: 413, title: 'The request is too large' },
  UnsupportedType: { status: 415, title: 'The request has a content type that is not taken here' },
  UriTooLong: { status: 414, title: 'The address is too long' },
  RangeNotSatisfiable: { status: 416, title: 'The file has no such bytes' },
  RateLimited: { status: 429, title: 'This key sends more than it may' },
  TooManyOpen: { status: 429, title: 'The tenant has too many open jobs' },
  TooManyUploads: { status: 429, title: 'Too many uploads are under way' },
  Overloaded: { status: 429, title: 'Too much work waits already' },
  HeadersTooLarge: { status: 431, title: 'The headers of the request are too large' },
  TooManyStreams: { status: 503, title: 'Too many event streams or held answers are open' },
  TemporalUnavailable: { status: 503, title: 'Temporal cannot be reached' },
  TemporalSlow: { status: 503, title: 'Temporal takes too long to answer' },
  Stopping: { status: 503, title: 'This server is about to stop' },
} as const;

export type ApiProblem = keyof typeof API_PROBLEMS;

/** A request that cannot be answered as asked; `message` is for the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly type: ApiProblem,
    message: string,
    readonly options: { retryAfterSeconds?: number; details?: ErrorDetails } = {},
  ) {
    super(message);
  }

  get status(): number {
    return API_PROBLEMS[this.type].status;
  }
}

/** RFC 9457, with our `code` and `details`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  details?: ErrorDetails;
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export function problem(code: ErrorType | ApiProblem, detail: string, details?: ErrorDetails): Problem {
  const row = isErrorType(code) ? { status: ERRORS[code].status, title: ERRORS[code].meaning } : API_PROBLEMS[code];
  return {
    type: `urn:darkroom:problem:${code}`,
    title: row.title,
    status: row.status,
    detail,
    code,
    ...(details !== undefined && Object.keys(details).length > 0 && { details }),
  };
}
