import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import type { Storage } from '../../storage';
import { isTransient, retrying, type RetryOptions } from '../../temporal/grpc';
import type { BatchView } from '../core/view/batch';
import { sha256Of } from '../inputs/staging';

/** One item of a batch, as the service lists it. */
export interface ApiItem {
  /** `<batch>~<item key>` */
  id: string;
  /** Of its latest run. */
  run: string;
  state: 'open' | 'succeeded' | 'failed' | 'cancelled';
  source?: string;
  startedAt: string;
  closedAt?: string;
  bytesIn?: number;
  bytesOut?: number;
  error?: { type: string; message: string };
}

/** The part of a problem document (RFC 9457) that is used here. */
export interface Problem {
  status?: number;
  code?: string;
  detail?: string;
}

/** Statuses that pass: the service, or something on the way to it, is away or has enough to do. */
const PASSING = [408, 429, 502, 503, 504];

/** The service said no, or is not there; the message is for the person at the terminal. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';

  /** @param status of the answer; absent where there was none */
  constructor(
    message: string,
    readonly status?: number,
    readonly code?: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  static from({ status, code, detail }: Problem, fallback: string): ApiRefusal {
    return new ApiRefusal(detail ?? fallback, status, code);
  }

  /** As in the summary: a row of the error table or of the API's problems. */
  get type(): string {
    return this.code ?? 'InternalError';
  }

  get passes(): boolean {
    return this.status === undefined || PASSING.includes(this.status);
  }
}

/** Characters, of four bytes at most. */
const MAX_NAME = 60;

export interface ApiOptions {
  key?: string;
  signal: AbortSignal;
  /** ms to wait for the first answer: an address that never answered may be mistyped. After it, there is no limit. */
  connectWaitMs: number;
  /** Called when a call is tried again. */
  onWait: (error: unknown) => void;
  /** Called when the service answers. */
  onAnswer: () => void;
}

/** Calls of the HTTP API. A service that is away, restarts or has too much to do is waited for, as long as it says. */
export class ApiClient {
  private readonly since = Date.now();
  private hasAnswered = false;

  constructor(
    readonly url: string,
    private readonly options: ApiOptions,
  ) {}

  /** How every call waits for the service. */
  get patience(): RetryOptions {
    const { signal, onWait, connectWaitMs } = this.options;
    return {
      signal,
      limitMs: Infinity,
      passes: (error) => (error instanceof ApiRefusal ? error.passes : isTransient(error)),
      leastWaitMs: (error) => (error instanceof ApiRefusal ? error.retryAfterMs : undefined),
      onWait: (error) => {
        if (!this.hasAnswered && Date.now() - this.since >= connectWaitMs) throw error;
        onWait(error);
      },
    };
  }

  /** Undefined: the service does not know the batch, or not yet. */
  batch(id: string): Promise<BatchView | undefined> {
    return this.get<BatchView>(`/v1/batches/${encodeURIComponent(id)}`, 'NoSuchBatch');
  }

  /** All items of a batch, each by its latest run. */
  async *items(id: string): AsyncGenerator<ApiItem> {
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ limit: '200', ...(cursor === undefined ? {} : { cursor }) });
      const route = `/v1/batches/${encodeURIComponent(id)}/items?${query.toString()}`;
      const page = await this.get<{ items: ApiItem[]; next?: string }>(route, 'NoSuchBatch');
      yield* page?.items ?? [];
      cursor = page?.next;
    } while (cursor !== undefined);
  }

  /**
   * Brings a local file to the service, unless it is there: the place of an upload is made from its bytes and its name.
   * One try: what passes is thrown.
   * @returns the `source` that stands for it there
   */
  async upload(storage: Storage, uri: string): Promise<string> {
    const { signal } = this.options;
    const route = `/v1/uploads/${encodeURIComponent(uploadName(uri))}?sha256=${await sha256Of(storage, uri, signal)}`;
    const known = await this.get<{ source: string }>(route, 'NoSuchFile');
    return (known ?? (await this.put(route, storage, uri))).source;
  }

  private async put(route: string, storage: Storage, uri: string): Promise<{ source: string }> {
    const { stream, info } = await storage.openRead(uri, { signal: this.options.signal });
    const request = this.open('PUT', route, {
      'content-type': 'application/octet-stream',
      'content-length': String(info.bytes),
    });
    let unreadable: unknown;
    stream.on('error', (error) => {
      unreadable = error;
      request.destroy(error);
    });
    stream.pipe(request);
    try {
      return (await this.answer(request)) as { source: string };
    } catch (error) {
      throw unreadable ?? error;
    } finally {
      // A refusal comes before the last byte is read.
      stream.destroy();
    }
  }

  /** @param missing code of the problem that stands for undefined */
  private async get<Answer>(route: string, missing: string): Promise<Answer | undefined> {
    try {
      return (await retrying(() => this.answer(this.open('GET', route).end()), this.patience)) as Answer;
    } catch (error) {
      if (error instanceof ApiRefusal && error.code === missing) return undefined;
      throw error;
    }
  }

  open(method: string, route: string, headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
    const { key, signal } = this.options;
    const target = new URL(route, this.url);
    const client = target.protocol === 'https:' ? https : http;
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return client.request(target, { method, signal, headers: { ...headers, ...authorization } });
  }

  /** @throws ApiRefusal with the problem document's sentence */
  async respond(request: http.ClientRequest): Promise<http.IncomingMessage> {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', (error) => reject(this.away(error)));
    });
    const { statusCode = 500 } = response;
    if (statusCode < 400) {
      this.hasAnswered = true;
      this.options.onAnswer();
      return response;
    }
    const problem = (await readJson(response).catch(() => ({}))) as Problem;
    request.destroy();
    const text = problem.detail ?? `${this.url} answered ${statusCode}`;
    throw new ApiRefusal(text, statusCode, problem.code, retryAfterOf(response));
  }

  /** The error for a connection that broke, or was never there. */
  private away(error: Error): Error {
    if (this.options.signal.aborted) return this.options.signal.reason as Error;
    return new ApiRefusal(`${this.url} cannot be reached: ${error.message}`);
  }

  private async answer(request: http.ClientRequest): Promise<unknown> {
    const response = await this.respond(request);
    return readJson(response).catch((error: Error) => {
      throw this.away(error);
    });
  }
}

/** Of the Retry-After header, in ms; undefined where there is none. At most a minute: sooner may be soon enough. */
function retryAfterOf({ headers }: http.IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) * 1000 : undefined;
}

/** The end of a long name: with its extension, and short enough for every file system. */
function uploadName(uri: string): string {
  return [...decodeURIComponent(path.posix.basename(new URL(uri).pathname))].slice(-MAX_NAME).join('');
}

async function readJson(response: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
}
