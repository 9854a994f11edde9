import type { Problem } from './types';

/** A refusal of the service, or (status 0) no answer from it. `message` is one sentence for people. */
export class DarkroomApiError extends Error {
  override readonly name = 'DarkroomApiError';
  constructor(
    message: string,
    /** Of HTTP; 0 where nobody answered. */
    readonly status: number,
    /** For programs, such as `NoSuchJob`; absent where the answer was no problem document. */
    readonly code?: string,
    readonly problem?: Problem,
    /** What the service asked to wait, ms. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  /** Will the same request be answered otherwise in a while? By the API's rule: 408, 429, 503, and no answer. */
  get passes(): boolean {
    return [0, 408, 429, 503].includes(this.status);
  }
}

/** Reads a refusal. Bodies that are no problem documents come from proxies on the way. */
export async function errorOf(response: Response): Promise<DarkroomApiError> {
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return new DarkroomApiError(
    problem?.detail ?? `The service answered ${response.status}.`,
    response.status,
    problem?.code,
    problem,
    Number.isFinite(seconds) ? seconds * 1000 : undefined,
  );
}
