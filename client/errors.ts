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
    /** What the service asked to wait, ms; a minute at most, since sooner may be soon enough. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  /** The code; for answers that have none `InternalError`. */
  get type(): string {
    return this.code ?? 'InternalError';
  }

  /** Will the same request be answered otherwise in a while? 408, 429, 503, no answer, and what proxies say for these. */
  get passes(): boolean {
    return [0, 408, 429, 502, 503, 504].includes(this.status);
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
    Number.isFinite(seconds) ? Math.min(seconds, 60) * 1000 : undefined,
  );
}
