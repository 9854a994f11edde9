import { DarkroomApiError, errorOf } from './errors';
import type * as t from './types';

export { DarkroomApiError } from './errors';
export { readWebhook, type BatchEvent, type JobEvent } from './webhook';
export type * from './types';

export interface ClientOptions {
  /** For services with keys. */
  key?: string;
  /** ms for which a service that is away, slow or over its limits is asked again. Default: a minute; 0: never. */
  patienceMs?: number;
  signal?: AbortSignal;
}

export interface ListQuery {
  state?: 'open' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
  kind?: 'image' | 'video' | 'audio';
  preset?: string;
  /** ISO 8601 */
  from?: string;
  to?: string;
  search?: string;
}

type Item = t.ItemPage['items'][number];
type BatchLine = t.BatchPage['batches'][number];

/** The longest that the service holds an answer, s. */
const HELD_SECONDS = 110;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
const OPEN = ['queued', 'running', 'paused'];

/**
 * One Darkroom service. Calls that fail for a reason that passes are repeated: everything here is safe to send twice, since
 * the service knows a job by its id, its idempotency key, or its source, preset and output.
 *
 * ```ts
 * const darkroom = new Darkroom('http://localhost:8080');
 * const { source } = await darkroom.upload('photo.jpg', bytes);
 * const job = await darkroom.wait((await darkroom.submit({ source })).id);
 * for (const { name, url } of darkroom.files(job)) console.log(name, url);
 * ```
 */
export class Darkroom {
  constructor(
    readonly url: string,
    private readonly options: ClientOptions = {},
  ) {}

  submit(job: t.NewJob, options: { idempotencyKey?: string; force?: boolean } = {}): Promise<t.Job> {
    const headers = options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey };
    return this.json('POST', `/v1/jobs${options.force ? '?force=true' : ''}`, job, headers);
  }

  job(id: string): Promise<t.Job> {
    return this.json('GET', `/v1/jobs/${encodeURIComponent(id)}`);
  }

  /** Resolves when the job has ended, however long that takes, with its manifest or its error. */
  async wait(id: string): Promise<t.Job> {
    for (;;) {
      const job = await this.json<t.Job>('GET', `/v1/jobs/${encodeURIComponent(id)}/result?wait=${HELD_SECONDS}s`);
      if (!OPEN.includes(job.state)) return job;
    }
  }

  /** Resolves when the beginning of the job's stream can be played (`playable`), or the job has ended without one. */
  async waitUntilPlayable(id: string): Promise<t.Job> {
    for (;;) {
      const job = await this.json<t.Job>('GET', `/v1/jobs/${encodeURIComponent(id)}/result?wait=playable`);
      if (job.playable !== undefined || !OPEN.includes(job.state)) return job;
    }
  }

  submitBatch(batch: t.NewBatch, options: { idempotencyKey?: string } = {}): Promise<t.SubmittedBatch> {
    const headers = options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey };
    return this.json('POST', '/v1/batches', batch, headers);
  }

  batch(id: string): Promise<t.Batch> {
    return this.json('GET', `/v1/batches/${encodeURIComponent(id)}`);
  }

  /** All jobs of a batch, or of all batches, page by page. */
  async *items(batch: string | undefined, query: ListQuery = {}): AsyncGenerator<Item> {
    const path = batch === undefined ? '/v1/jobs' : `/v1/batches/${encodeURIComponent(batch)}/items`;
    for await (const page of this.pages<t.ItemPage>(path, query)) yield* page.items;
  }

  async *batches(query: ListQuery = {}): AsyncGenerator<BatchLine> {
    for await (const page of this.pages<t.BatchPage>('/v1/batches', query)) yield* page.batches;
  }

  cancel(on: 'jobs' | 'batches', id: string): Promise<t.Changed> {
    return this.json('POST', `/v1/${on}/${encodeURIComponent(id)}/cancel`);
  }

  pause(on: 'jobs' | 'batches', id: string): Promise<t.Changed> {
    return this.json('POST', `/v1/${on}/${encodeURIComponent(id)}/pause`);
  }

  resume(on: 'jobs' | 'batches', id: string): Promise<t.Changed> {
    return this.json('POST', `/v1/${on}/${encodeURIComponent(id)}/resume`);
  }

  retry(on: 'jobs' | 'batches', id: string): Promise<t.Retried> {
    return this.json('POST', `/v1/${on}/${encodeURIComponent(id)}/retry`);
  }

  /** Deletes what has ended, its files included. `state: "running"`: a worker goes on with it. */
  delete(on: 'jobs' | 'batches', id: string): Promise<t.Deleted> {
    return this.json('DELETE', `/v1/${on}/${encodeURIComponent(id)}`);
  }

  /**
   * Brings bytes to the service. An upload that breaks off is begun again; bytes that are there already under this name are
   * not sent, so a program that is run again sends only what is missing.
   * @returns the `source` for a job
   */
  async upload(name: string, bytes: Uint8Array<ArrayBuffer> | Blob): Promise<t.Upload> {
    const content = bytes instanceof Blob ? new Uint8Array(await bytes.arrayBuffer()) : bytes;
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
    const sha256 = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const path = `/v1/uploads/${encodeURIComponent(name)}?sha256=${sha256}`;
    return this.patiently(async () => {
      const known = await this.send('GET', path).catch((error: unknown) => {
        if (error instanceof DarkroomApiError && error.code === 'NoSuchFile') return undefined;
        throw error;
      });
      const answer = known ?? (await this.send('PUT', path, content, { 'content-type': 'application/octet-stream' }));
      return (await answer.json()) as t.Upload;
    });
  }

  /** The job whenever it changes, until it has ended. A connection that breaks is opened again. */
  async *follow(id: string): AsyncGenerator<t.Job> {
    let last: string | undefined;
    for (;;) {
      const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
      const path = `/v1/jobs/${encodeURIComponent(id)}/events`;
      const response = await this.patiently(() => this.send('GET', path, undefined, headers));
      if (response.status === 204) return;
      for await (const event of eventsOf(response)) {
        last = event.id ?? last;
        const job = JSON.parse(event.data) as t.Job;
        yield job;
        if (!OPEN.includes(job.state)) return;
      }
    }
  }

  /** The published files of a job with their addresses; none before it has succeeded. */
  files(job: t.Job): { name: string; path: string; url: string }[] {
    const { renditions = [] } = (job.manifest ?? {}) as { renditions?: { name: string; path: string }[] };
    const folder = job.links['files'] ?? '';
    return renditions.map(({ name, path }) => {
      const escaped = path.split('/').map(encodeURIComponent).join('/');
      return { name, path, url: new URL(folder + escaped, this.url).href };
    });
  }

  /** What signs the webhooks of this key's tenant. */
  async webhookSecret(): Promise<string> {
    return (await this.json<{ secret: string }>('GET', '/v1/webhook-secret')).secret;
  }

  private async *pages<Page extends { next?: string }>(path: string, query: ListQuery): AsyncGenerator<Page> {
    let cursor: string | undefined;
    do {
      const search = new URLSearchParams({ ...query, ...(cursor !== undefined && { cursor }) });
      const page = await this.json<Page>('GET', `${path}?${search.toString()}`);
      yield page;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  private json<Answer>(method: string, path: string, body?: object, headers = {}): Promise<Answer> {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = body && JSON.stringify(body);
    return this.patiently(
      async () => (await (await this.send(method, path, text, { ...type, ...headers })).json()) as Answer,
    );
  }

  /** @throws DarkroomApiError */
  private async send(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const { key, signal } = this.options;
    const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const init = { method, body, signal, headers: { ...headers, ...authorization } };
    const response = await fetch(new URL(path, this.url), init).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw new DarkroomApiError(`${this.url} does not answer: ${String(error)}`, 0);
    });
    if (response.ok) return response;
    throw await errorOf(response);
  }

  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    const { patienceMs = 60_000, signal } = this.options;
    const until = Date.now() + patienceMs;
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, LONGEST_DELAY_MS)) {
      try {
        return await call();
      } catch (error) {
        const wait = error instanceof DarkroomApiError && error.passes ? (error.retryAfterMs ?? delay) : undefined;
        if (wait === undefined || Date.now() + wait > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
        signal?.throwIfAborted();
      }
    }
  }
}

interface SentEvent {
  id?: string;
  data: string;
}

/** Events of a stream; ends where the connection does, be it by a fault. */
async function* eventsOf({ body }: Response): AsyncGenerator<SentEvent> {
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) return;
      text += value;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (name: string): string | undefined =>
          lines
            .find((line) => line.startsWith(`${name}:`))
            ?.slice(name.length + 1)
            .trim();
        const data = field('data');
        if (data !== undefined) yield { id: field('id'), data };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
