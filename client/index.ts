import { eventsOf } from './events';
import { Http, type CallOptions, type ClientOptions, type RequestOptions } from './http';
import type * as t from './types';
import { upload, type UploadOptions, type UploadSource } from './upload';

export { DarkroomApiError } from './errors';
export type { CallOptions, ClientOptions, RequestOptions } from './http';
export type * from './types';
export { newUploadId, type UploadOptions, type UploadSource } from './upload';
export { readWebhook, type BatchEvent, type JobEvent } from './webhook';

export interface ListQuery {
  state?: 'open' | 'paused' | 'succeeded' | 'failed' | 'cancelled';
  kind?: 'image' | 'video' | 'audio';
  preset?: string;
  /** ISO 8601 */
  from?: string;
  to?: string;
  search?: string;
}

/** Of one page of a list. */
export interface PageQuery extends ListQuery {
  /** `next` of the page before. */
  cursor?: string;
  limit?: number;
}

export type On = 'jobs' | 'batches';
type Item = t.ItemPage['items'][number];
type BatchLine = t.BatchPage['batches'][number];

/** The longest that the service holds an answer, s. */
const HELD_SECONDS = 110;
const OPEN = ['queued', 'running', 'paused'];

/** Paths of the API, for addresses in pages. */
export const paths = {
  job: (id: string) => `/v1/jobs/${encodeURIComponent(id)}`,
  batch: (id: string) => `/v1/batches/${encodeURIComponent(id)}`,
  campaign: (id: string) => `/v1/campaigns/${encodeURIComponent(id)}`,
  /** A published file. @param path as in the manifest */
  file: (id: string, path: string) => `${paths.job(id)}/files/${path.split('/').map(encodeURIComponent).join('/')}`,
};
const pathOf = (on: On, id: string): string => (on === 'jobs' ? paths.job(id) : paths.batch(id));

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
  private readonly http: Http;

  constructor(
    readonly url: string,
    options: ClientOptions = {},
  ) {
    this.http = new Http(url, options);
  }

  submit(job: t.NewJob, options: { idempotencyKey?: string; force?: boolean } = {}): Promise<t.Job> {
    return this.http.json('POST', `/v1/jobs${options.force ? '?force=true' : ''}`, job, idempotent(options));
  }

  job(id: string, call?: CallOptions): Promise<t.Job> {
    return this.http.json('GET', paths.job(id), undefined, call);
  }

  /** Activities of its last run; none where Temporal has forgotten it. */
  async steps(id: string, call?: CallOptions): Promise<t.Steps['steps']> {
    return (await this.http.json<t.Steps>('GET', `${paths.job(id)}/steps`, undefined, call)).steps;
  }

  /** Resolves when the job has ended, however long that takes, with its manifest or its error. */
  async wait(id: string): Promise<t.Job> {
    for (;;) {
      const job = await this.http.json<t.Job>('GET', `${paths.job(id)}/result?wait=${HELD_SECONDS}s`);
      if (!OPEN.includes(job.state)) return job;
    }
  }

  /** Resolves when the beginning of the job's stream can be played (`playable`), or the job has ended without one. */
  async waitUntilPlayable(id: string): Promise<t.Job> {
    for (;;) {
      const job = await this.http.json<t.Job>('GET', `${paths.job(id)}/result?wait=playable`);
      if (job.playable !== undefined || !OPEN.includes(job.state)) return job;
    }
  }

  submitBatch(batch: t.NewBatch, options: { idempotencyKey?: string } = {}): Promise<t.SubmittedBatch> {
    return this.http.json('POST', '/v1/batches', batch, idempotent(options));
  }

  batch(id: string, call?: CallOptions): Promise<t.Batch> {
    return this.http.json('GET', paths.batch(id), undefined, call);
  }

  /** One page of the jobs of a batch, or of all batches, the newest first. */
  itemPage(batch: string | undefined, query: PageQuery = {}, call?: CallOptions): Promise<t.ItemPage> {
    const path = batch === undefined ? '/v1/jobs' : `${paths.batch(batch)}/items`;
    return this.http.json('GET', path + search(query), undefined, call);
  }

  /** All of them, page by page. */
  async *items(batch: string | undefined, query: PageQuery = {}): AsyncGenerator<Item> {
    for await (const page of pages(query, (each) => this.itemPage(batch, each))) yield* page.items;
  }

  /** One page of batches: those with open jobs first, then those that ended last. */
  batchPage(query: PageQuery = {}, call?: CallOptions): Promise<t.BatchPage> {
    return this.http.json('GET', `/v1/batches${search(query)}`, undefined, call);
  }

  async *batches(query: PageQuery = {}): AsyncGenerator<BatchLine> {
    for await (const page of pages(query, (each) => this.batchPage(each))) yield* page.batches;
  }

  cancel(on: On, id: string): Promise<t.Changed> {
    return this.http.json('POST', `${pathOf(on, id)}/cancel`);
  }

  pause(on: On, id: string): Promise<t.Changed> {
    return this.http.json('POST', `${pathOf(on, id)}/pause`);
  }

  resume(on: On, id: string): Promise<t.Changed> {
    return this.http.json('POST', `${pathOf(on, id)}/resume`);
  }

  /** Begins the steps of an open job anew that are stuck. */
  restart(id: string): Promise<t.Changed> {
    return this.http.json('POST', `${paths.job(id)}/restart`);
  }

  setPriority(on: On, id: string, priority: t.Priority['priority']): Promise<t.Changed> {
    return this.http.json('POST', `${pathOf(on, id)}/priority`, { priority });
  }

  /** @param state of a batch's jobs that run again; default: the failed ones */
  retry(on: On, id: string, state?: 'failed' | 'cancelled'): Promise<t.Retried> {
    return this.http.json('POST', `${pathOf(on, id)}/retry${search({ state })}`);
  }

  /** Deletes what has ended, its files included. `state: "running"`: a worker goes on with it. */
  delete(on: On, id: string): Promise<t.Deleted> {
    return this.http.json('DELETE', pathOf(on, id));
  }

  /** Images of a batch that look alike. `complete: false`: asked again, the service goes on from there. */
  duplicates(batch: string, call?: CallOptions): Promise<t.Duplicates> {
    return this.http.json('GET', `${paths.batch(batch)}/duplicates`, undefined, call);
  }

  campaign(id: string, call?: CallOptions): Promise<t.Campaign> {
    return this.http.json('GET', paths.campaign(id), undefined, call);
  }

  /** `approve` goes on behind the canary; the others decide about one that has ended. */
  settle(campaign: string, how: 'approve' | 'rollback' | 'keep'): Promise<t.Campaign> {
    return this.http.json('POST', `${paths.campaign(campaign)}/${how}`);
  }

  /**
   * Brings bytes to the service. An upload that breaks off goes on where it was, also in a program that is run again; bytes
   * that are there already under this name are not sent.
   * @returns the `source` for a job
   */
  upload(
    name: string,
    content: Uint8Array<ArrayBuffer> | UploadSource,
    options: UploadOptions = {},
  ): Promise<t.Upload> {
    return upload(this.http, name, content, options);
  }

  /** The job whenever it changes, until it has ended. A connection that breaks is opened again. */
  async *follow(id: string): AsyncGenerator<t.Job> {
    let last: string | undefined;
    for (;;) {
      const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
      const response = await this.http.patiently(() => this.request('GET', `${paths.job(id)}/events`, { headers }));
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
    return renditions.map(({ name, path }) => ({ name, path, url: new URL(paths.file(job.id, path), this.url).href }));
  }

  presets(call?: CallOptions): Promise<t.Presets> {
    return this.http.json('GET', '/v1/presets', undefined, call);
  }

  /** All batches that the caller may see, together. @param minutes back, 180 at most */
  throughput(minutes?: number, call?: CallOptions): Promise<t.Throughput> {
    return this.http.json('GET', `/v1/throughput${search({ minutes })}`, undefined, call);
  }

  /** For operators. */
  queues(call?: CallOptions): Promise<t.Queues> {
    return this.http.json('GET', '/v1/queues', undefined, call);
  }

  /** For operators: the last runs, and when the next one is due. */
  maintenance(call?: CallOptions): Promise<t.Maintenance> {
    return this.http.json('GET', '/v1/maintenance', undefined, call);
  }

  /** Who the caller is to the service. */
  session(): Promise<t.Session> {
    return this.http.json('GET', '/v1/session');
  }

  /** In a page of the service's own: from now on the browser sends a cookie that stands for the key. */
  signIn(key: string): Promise<t.Session> {
    return this.http.json('POST', '/v1/session', { key });
  }

  signOut(): Promise<void> {
    return this.http.json('DELETE', '/v1/session');
  }

  /** What signs the webhooks of this key's tenant. */
  async webhookSecret(): Promise<string> {
    return (await this.http.json<{ secret: string }>('GET', '/v1/webhook-secret')).secret;
  }

  /**
   * Any other request, once: its answer may be read, and a streamed body be written, piece by piece.
   * @throws DarkroomApiError; on abort the reason of the signal
   */
  request(method: string, path: string, options?: RequestOptions): Promise<Response> {
    return this.http.request(method, path, options);
  }
}

async function* pages<Page extends { next?: string }>(
  query: PageQuery,
  load: (query: PageQuery) => Promise<Page>,
): AsyncGenerator<Page> {
  let cursor: string | undefined;
  do {
    const page = await load({ ...query, cursor });
    yield page;
    cursor = page.next;
  } while (cursor !== undefined);
}

function idempotent({ idempotencyKey: key }: { idempotencyKey?: string }): RequestOptions {
  return key === undefined ? {} : { headers: { 'idempotency-key': key } };
}

/** The query with its `?`, without what is not given. */
function search(query: PageQuery | Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
