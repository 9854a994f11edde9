import { DarkroomApiError, errorOf } from './errors';

export interface ClientOptions {
  /** For services with keys. */
  key?: string;
  /** ms for which a service that is away, slow or over its limits is asked again. Default: a minute; 0: never. */
  patienceMs?: number;
  signal?: AbortSignal;
  /** Called before a call is tried again; an error that it throws ends the waiting. */
  onWait?: (error: DarkroomApiError) => void;
  /** Called when the service has answered a call, a refusal included. */
  onAnswer?: (status: number) => void;
}

/** Of one call. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** What a request may carry. */
export type Body = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

export interface RequestOptions extends CallOptions {
  body?: Body;
  headers?: Record<string, string>;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/** Requests to one service, and how long they are repeated. */
export class Http {
  constructor(
    readonly url: string,
    private readonly options: ClientOptions,
  ) {}

  /** One request, once. @throws DarkroomApiError; on abort the reason of the signal */
  async request(method: string, path: string, { body, headers, signal }: RequestOptions = {}): Promise<Response> {
    const { key, onAnswer } = this.options;
    const signals = [this.options.signal, signal].filter((each) => each !== undefined);
    const either = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const init = { method, body, signal: either, headers: { ...headers, ...authorization } };
    // A body that is written while the answer is read.
    const streamed = body instanceof ReadableStream ? { ...init, duplex: 'half' } : init;
    const response = await fetch(new URL(path, this.url), streamed as RequestInit).catch((error: unknown) => {
      either?.throwIfAborted();
      throw new DarkroomApiError(`${this.url} cannot be reached: ${causeOf(error)}`, 0);
    });
    onAnswer?.(response.status);
    if (response.ok) return response;
    throw await errorOf(response);
  }

  /** Repeats a call for as long as the service is away or asks for patience. */
  async patiently<T>(call: () => Promise<T>): Promise<T> {
    const { patienceMs = 60_000, signal, onWait } = this.options;
    const until = Date.now() + patienceMs;
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, LONGEST_DELAY_MS)) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof DarkroomApiError && error.passes)) throw error;
        // Spread out, so that a hundred callers do not come back in the same moment.
        const wait = (error.retryAfterMs ?? 0) + delay * (0.5 + Math.random());
        if (Date.now() + wait > until) throw error;
        onWait?.(error);
        await sleep(wait, signal);
      }
    }
  }

  /** A call whose answer is JSON, repeated. @param body sent as JSON */
  json<Answer>(
    method: string,
    path: string,
    body?: object,
    { headers, ...call }: Omit<RequestOptions, 'body'> = {},
  ): Promise<Answer> {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { ...call, body: body && JSON.stringify(body), headers: { ...type, ...headers } };
    return this.patiently(async () => {
      const response = await this.request(method, path, options);
      if (response.status === 204) return undefined as Answer;
      return (await response.json().catch((error: unknown) => {
        call.signal?.throwIfAborted();
        throw new DarkroomApiError(`${this.url} broke off: ${causeOf(error)}`, 0);
      })) as Answer;
    });
  }
}

/** @throws the signal's reason on abort */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** Of Node's `fetch failed`, why. */
function causeOf(error: unknown): string {
  const { cause, message = String(error) } = error as { cause?: { message?: string; code?: string }; message?: string };
  return cause?.message || cause?.code || message;
}
