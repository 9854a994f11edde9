import http from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { once } from 'node:events';
import type { Storage } from '../../storage';
import type { ItemFailure } from '../core/failure';
import type { BatchView } from '../core/view/batch';
import { sha256Of } from '../inputs/staging';

interface Item {
  source?: string;
  bytesIn?: number;
  bytesOut?: number;
  error?: { type: string; message: string };
}

interface Problem {
  code?: string;
  detail?: string;
}

/** The service said no, or is not there; the message is for the person at the terminal. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  /** @param code of the problem document, where the service itself answered */
  constructor(
    message: string,
    readonly code?: string,
  ) {
    super(message);
  }
}

/** Characters, of four bytes at most. */
const MAX_NAME = 60;

/** Settings of a whole batch, as the query of `POST /v1/batches`. */
export interface BatchSettings {
  id: string;
  preset?: string;
  output?: string;
  priority?: number;
}

export interface SubmitEvents {
  onAccepted: (status: 'started' | 'joined' | 'skipped') => void;
  onRefused: (failure: ItemFailure) => void;
}

/** The calls of the HTTP API that `start-batch --api` needs; docs/api.md tells them all. */
export class ApiClient {
  constructor(
    private readonly url: string,
    private readonly key: string | undefined,
    private readonly signal: AbortSignal,
  ) {}

  batch(id: string): Promise<BatchView> {
    return this.get(`/v1/batches/${encodeURIComponent(id)}`) as Promise<BatchView>;
  }

  /** The first failed items with their reasons. */
  async failures(id: string, most: number): Promise<ItemFailure[]> {
    const found: ItemFailure[] = [];
    for await (const { source, error } of this.items(id, 'failed')) {
      found.push({ source: source ?? '', type: error?.type ?? 'InternalError', message: error?.message ?? '' });
      if (found.length >= most) break;
    }
    return found;
  }

  /** Bytes of all sources and outputs of a batch. */
  async bytes(id: string): Promise<{ in: number; out: number }> {
    const sum = { in: 0, out: 0 };
    for await (const { bytesIn = 0, bytesOut = 0 } of this.items(id, 'succeeded')) {
      sum.in += bytesIn;
      sum.out += bytesOut;
    }
    return sum;
  }

  /**
   * Brings a local file to the service, unless it is there: the place of an upload is made from its bytes and its name.
   * @returns the `source` that stands for it there
   */
  async upload(storage: Storage, uri: string): Promise<string> {
    const query = `sha256=${await sha256Of(storage, uri, this.signal)}`;
    const route = `/v1/uploads/${encodeURIComponent(uploadName(uri))}?${query}`;
    const known = await this.get(route).catch((error: unknown) => {
      if (error instanceof ApiRefusal && error.code === 'NoSuchFile') return undefined;
      throw error;
    });
    return ((known ?? (await this.put(route, storage, uri))) as { source: string }).source;
  }

  private async put(route: string, storage: Storage, uri: string): Promise<unknown> {
    const { stream, info } = await storage.openRead(uri, { signal: this.signal });
    const request = this.open('PUT', route, {
      'content-type': 'application/octet-stream',
      'content-length': String(info.bytes),
    });
    stream.on('error', (error) => request.destroy(error)).pipe(request);
    return this.answer(request);
  }

  /** Sends jobs as a stream and hears of each while sending. @returns the batch's id as the service calls it */
  async submitStream(settings: BatchSettings, jobs: AsyncIterable<object>, events: SubmitEvents): Promise<string> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(settings)) if (value !== undefined) query.set(name, String(value));
    const request = this.open('POST', `/v1/batches?${query.toString()}`, { 'content-type': 'application/x-ndjson' });
    // Sources of lines that are not answered yet: as many as the service works on at once.
    const sources = new Map<number, string>();
    const [id] = await Promise.all([this.hear(request, sources, events), this.send(request, jobs, sources)]);
    return id ?? settings.id;
  }

  private async send(
    request: http.ClientRequest,
    jobs: AsyncIterable<object>,
    sources: Map<number, string>,
  ): Promise<void> {
    let line = 0;
    try {
      for await (const job of jobs) {
        sources.set(++line, 'source' in job ? String(job.source) : `line ${line}`);
        if (!request.write(`${JSON.stringify(job)}\n`)) await once(request, 'drain', { signal: this.signal });
      }
      request.end();
    } catch (error) {
      request.destroy();
      throw error;
    }
  }

  private async hear(
    request: http.ClientRequest,
    sources: Map<number, string>,
    { onAccepted, onRefused }: SubmitEvents,
  ): Promise<string | undefined> {
    const response = await this.respond(request);
    let batch: string | undefined;
    for await (const text of createInterface({ input: response })) {
      const answer = JSON.parse(text) as {
        batch?: string;
        line?: number;
        status?: 'started' | 'joined' | 'skipped';
        error?: Problem;
      };
      batch ??= answer.batch;
      if (answer.line === undefined) {
        if (answer.error) throw new ApiRefusal(answer.error.detail ?? 'The service broke off.');
        continue;
      }
      const source = sources.get(answer.line) ?? '';
      sources.delete(answer.line);
      if (answer.status) onAccepted(answer.status);
      else onRefused({ source, type: answer.error?.code ?? 'InvalidJob', message: answer.error?.detail ?? '' });
    }
    return batch;
  }

  private async *items(id: string, state: string): AsyncGenerator<Item> {
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ state, limit: '200', ...(cursor === undefined ? {} : { cursor }) });
      const page = await this.get(`/v1/batches/${encodeURIComponent(id)}/items?${query.toString()}`);
      const { items, next } = page as { items: Item[]; next?: string };
      yield* items;
      cursor = next;
    } while (cursor !== undefined);
  }

  private get(route: string): Promise<unknown> {
    return this.answer(this.open('GET', route).end());
  }

  private open(method: string, route: string, headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
    const target = new URL(route, this.url);
    const client = target.protocol === 'https:' ? https : http;
    const authorization = this.key === undefined ? {} : { authorization: `Bearer ${this.key}` };
    return client.request(target, { method, signal: this.signal, headers: { ...headers, ...authorization } });
  }

  /** @throws ApiRefusal with the problem document's sentence */
  private async respond(request: http.ClientRequest): Promise<http.IncomingMessage> {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', (error: Error) => {
        reject(this.signal.aborted ? error : new ApiRefusal(`${this.url} cannot be reached: ${error.message}`));
      });
    });
    if ((response.statusCode ?? 500) < 400) return response;
    const problem = (await readJson(response).catch(() => ({}))) as Problem;
    throw new ApiRefusal(problem.detail ?? `${this.url} answered ${response.statusCode}`, problem.code);
  }

  private async answer(request: http.ClientRequest): Promise<unknown> {
    return readJson(await this.respond(request));
  }
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
