/**
 * The service's API as the page uses it: every address and every shape stands here, and nowhere else.
 * The rest of the page imports these functions and types only.
 */
import type { CampaignReport, Settlement } from '../../../common/campaign';
import type { ItemProgress, Manifest, Placeholder } from '../../../common/contracts';
import { MEDIA_KINDS, type MediaKind } from '../../../common/kinds';
import type { Pool } from '../../../common/pools';

export type { Settlement };

/** `open`: in a list, where nobody asked yet whether it waits or runs. */
export type ItemState = 'open' | 'queued' | 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';

export const isOpen = (state: ItemState): boolean => !['succeeded', 'failed', 'cancelled'].includes(state);

/** Why an item failed: a row of the error table, and one sentence for the person who sent the file. */
export interface Failure {
  type: string;
  message: string;
}

/** Items by state. */
export interface Counts {
  items: number;
  open: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

/** A line of the list of batches. */
export interface BatchLine extends Counts {
  id: string;
  lastActivityAt: string;
}

export interface Batch extends Counts {
  id: string;
  /** Of the open ones: nothing of them starts until they are resumed. */
  paused: number;
  /** Of the rest, an estimate: in a queue still, and at work. */
  waiting: number;
  running: number;
  /** Lately. */
  itemsPerSecond: number;
  /** Until the open ones are done. */
  etaSeconds?: number;
  latencyMs: Latency;
  /** Queues with work that no worker serves. */
  unserved: string[];
  lastClosedAt?: string;
}

export interface Item {
  id: string;
  kind: MediaKind;
  preset: string;
  /** Absent for runs that somebody started without us. */
  source?: string;
  state: ItemState;
  startedAt: string;
  closedAt?: string;
  bytesIn?: number;
  bytesOut?: number;
  error?: Failure;
  /** The smallest picture of it, and what stands there until it has come. */
  thumbnail?: { href: string };
  placeholder?: Placeholder;
  links: { self: string; files?: string; original?: string; temporal?: string };
}

export interface Job extends Item {
  batch: string;
  /** The most attempts that any of its steps has taken. */
  attempt: number;
  /** 1 to 5; absent where nobody has chosen one. */
  priority?: number;
  progress?: ItemProgress;
  /** Its stream, while it is still made. */
  playable?: { path: string; seconds?: number };
  manifest?: Manifest;
}

/** One activity of a job's last run. */
export interface Step {
  name: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  attempts: number;
  scheduledAt: string;
  /** Of the last attempt. */
  startedAt?: string;
  endedAt?: string;
}

/** Of its pairs, the ids are those of jobs. */
export interface Campaign extends CampaignReport {
  id: string;
  preset: string;
  closedAt?: string;
  /** What was decided in the end; without a number it is under way. */
  settled?: { how: Settlement; items?: number };
}

/** ms from submit to published; absent where none is done. */
export interface Latency {
  p50?: number;
  p95?: number;
  p99?: number;
  sample: number;
}

/** All batches that the caller may see, together. */
export interface Pipeline {
  /** Oldest first, one entry a minute. `backlog`: open items at its end. */
  minutes: { at: string; succeeded: number; failed: number; backlog: number }[];
  /** Items open now. */
  open: number;
  /** Completed, over the last minute. */
  itemsPerSecond: number;
  latencyMs: Latency;
}

/** One step of a run of the maintenance. */
export interface MaintenanceStep {
  step: string;
  found: number;
  removed: number;
  bytes: number;
  note?: string;
  /** One sentence. */
  error?: string;
}

export interface MaintenanceRun {
  startedAt: string;
  /** Absent while it runs. */
  endedAt?: string;
  cleanup?: boolean;
  /** Absent while it runs, and where it was ended from outside. */
  steps?: MaintenanceStep[];
}

/** The last runs, the latest first, and when the next one is due. */
export interface Maintenance {
  runs: MaintenanceRun[];
  nextAt?: string;
}

/** One task queue. Absent figures are not known. */
export interface Queue {
  name: string;
  pool: Pool;
  waiting: number;
  /** Absent where nothing waits. */
  oldestSeconds?: number;
  workers: number;
  running?: number;
  slots?: number;
  perSecond: number;
}

/** Why work waits, as the doctor finds. */
export interface Finding {
  title: string;
  queue?: string;
  evidence: string[];
  mend: string[];
}

export interface Queues {
  at: string;
  /** Absent: Temporal does not answer. */
  open?: number;
  paused?: number;
  queues: Queue[];
  findings: Finding[];
}

export interface Preset {
  name: string;
  /** What it makes something of. */
  kinds: MediaKind[];
  /** What it makes, in a few words. */
  summary: string;
  /** What its file says of each kind, with defaults filled in. */
  sections: Partial<Record<MediaKind, object>>;
}

export interface Readiness {
  ready: boolean;
  /** Dependencies that do not answer: `temporal`, `storage`, `server`. */
  away: string[];
}

/** Who the caller is to the service. All absent: nobody knows yet. */
export interface Session {
  /** Of the key. */
  name?: string;
  /** Absent where nobody has keys. */
  tenant?: string;
  /** ISO 8601; only for who signed in on the page. */
  sessionEnds?: string;
  /** May see what concerns the whole installation. */
  operator?: true;
}

/** Event of the window: the service refused a call for want of a key. */
export const KEY_WANTED = 'darkroom:key-wanted';

/** An answer that is not the one hoped for; `message` is fit to be shown. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    if (status === 401) dispatchEvent(new Event(KEY_WANTED));
  }
}

/** @throws ApiError with the sentence of the problem document */
async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: { accept: 'application/json', ...init.headers } });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, 'The service does not answer.');
  }
  if (!response.ok) throw new ApiError(response.status, await sentenceOf(response));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function sentenceOf(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
  return problem.detail ?? problem.title ?? `The service answered ${response.status}.`;
}

const job = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;
const batch = (id: string): string => `/v1/batches/${encodeURIComponent(id)}`;

export const eventsOf = { job: (id: string) => `${job(id)}/events`, batch: (id: string) => `${batch(id)}/events` };

/** What a list is narrowed to; empty texts narrow nothing. */
export interface ListQuery {
  search?: string;
  state?: string;
  kind?: string;
  preset?: string;
  /** ISO 8601: submitted at this time or later. */
  from?: string;
}

function searchOf(query: ListQuery, more: Record<string, string | undefined>): string {
  const given = Object.entries({ ...query, ...more }).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return new URLSearchParams(given).toString();
}

/** One page of batches: those with open items first, then those that ended last. */
export async function listBatches(query: ListQuery, cursor?: string): Promise<{ items: BatchLine[]; next?: string }> {
  const { batches, next } = await call<{ batches: BatchLine[]; next?: string }>(
    `/v1/batches?${searchOf(query, { cursor })}`,
  );
  return { items: batches, next };
}

export function getBatch(id: string, signal?: AbortSignal): Promise<Batch> {
  return call(batch(id), { signal });
}

/** One page of a batch, newest first. */
export function listItems(
  id: string,
  options: { state?: ItemState; cursor?: string; signal?: AbortSignal },
): Promise<{ items: Item[]; next?: string }> {
  const query = new URLSearchParams({ limit: '200' });
  if (options.state) query.set('state', options.state);
  if (options.cursor) query.set('cursor', options.cursor);
  return call(`${batch(id)}/items?${query}`, { signal: options.signal });
}

/** Images of a batch that look alike, the largest group first. */
export interface Duplicates {
  groups: {
    size: number;
    items: (Pick<Item, 'id' | 'source' | 'thumbnail' | 'placeholder'> & { distance: number })[];
  }[];
  /** Groups in all. */
  total: number;
  /** Images that were looked at. */
  items: number;
  /** Images among them that cannot be compared. */
  unhashed: number;
  /** False: asked again, the service goes on from there. */
  complete: boolean;
}

export function findDuplicates(id: string, signal?: AbortSignal): Promise<Duplicates> {
  return call(`${batch(id)}/duplicates`, { signal });
}

const campaign = (id: string): string => `/v1/campaigns/${encodeURIComponent(id)}`;

/** A batch with the same id has its items. */
export function getCampaign(id: string, signal?: AbortSignal): Promise<Campaign> {
  return call(campaign(id), { signal });
}

export function approveCampaign(id: string): Promise<Campaign> {
  return call(`${campaign(id)}/approve`, { method: 'POST' });
}

export function settleCampaign(id: string, how: Settlement): Promise<Campaign> {
  return call(`${campaign(id)}/${how}`, { method: 'POST' });
}

export function getJob(id: string, signal?: AbortSignal): Promise<Job> {
  return call(job(id), { signal });
}

/** Empty for what Temporal has forgotten. */
export async function listSteps(id: string, signal?: AbortSignal): Promise<Step[]> {
  try {
    return (await call<{ steps: Step[] }>(`${job(id)}/steps`, { signal })).steps;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

/** A published file of an item, as it stands in its manifest. */
export function fileUrl(id: string, path: string): string {
  return `${job(id)}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** All published files, as a ZIP. */
export function archiveUrl(id: string): string {
  return `${job(id)}/archive`;
}

/** The file that was sent. */
export function sourceUrl(id: string): string {
  return `${job(id)}/source`;
}

export async function getText(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new ApiError(response.status, await sentenceOf(response));
  return response.text();
}

export type Action = 'cancel' | 'retry' | 'pause' | 'resume' | 'restart';

/** What an action changed, as far as the page says it. */
export interface Acted {
  /** Of a pause: items with a step under way. */
  running?: number;
}

/** @param state of a batch's items that are to be retried; default: the failed ones */
export function act(on: 'job' | 'batch', id: string, action: Action, state?: 'cancelled'): Promise<Acted> {
  const query = state === undefined ? '' : `?state=${state}`;
  return call(`${on === 'job' ? job(id) : batch(id)}/${action}${query}`, { method: 'POST' });
}

/** Deletes what has ended, its files and history included. False: a worker goes on with it. */
export async function remove(on: 'job' | 'batch', id: string): Promise<boolean> {
  const path = on === 'job' ? job(id) : batch(id);
  return (await call<{ state: 'running' | 'completed' }>(path, { method: 'DELETE' })).state === 'completed';
}

interface RawPreset {
  name: string;
  image?: { renditions: { name: string }[] };
  video?: { rungs?: { name: string }[]; ladder?: string };
  audio?: { renditions: { name: string }[] };
}

/** A preset whose file has a mistake in it. */
export interface BrokenPreset {
  name: string;
  detail: string;
}

export async function listPresets(): Promise<{ presets: Preset[]; broken: BrokenPreset[] }> {
  const { presets, broken = [] } = await call<{ presets: RawPreset[]; broken?: BrokenPreset[] }>('/v1/presets');
  const names = (list: { name: string }[]): string => list.map(({ name }) => name).join(', ');
  const readable = presets.map(({ name, ...sections }) => ({
    name,
    sections,
    kinds: MEDIA_KINDS.filter((kind) => sections[kind] !== undefined),
    summary: [sections.image?.renditions, sections.video?.rungs, sections.audio?.renditions]
      .flatMap((list) => (list === undefined ? [] : [names(list)]))
      .join('; '),
  }));
  return { presets: readable, broken };
}

const asJson = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** @param priority 1 to 5, 1 is served first */
export function setPriority(on: 'job' | 'batch', id: string, priority: number): Promise<void> {
  return call(`${on === 'job' ? job(id) : batch(id)}/priority`, asJson({ priority }));
}

/** @returns the job's id */
export async function submit(body: { source: string; preset: string; batch?: string }): Promise<string> {
  return (await call<{ id: string }>('/v1/jobs', asJson(body))).id;
}

export function getSession(): Promise<Session> {
  return call('/v1/session');
}

/** From now on the browser sends a cookie that stands for the key. */
export function signIn(key: string): Promise<Session> {
  return call('/v1/session', asJson({ key }));
}

export function signOut(): Promise<void> {
  return call('/v1/session', { method: 'DELETE' });
}

export function getPipeline(minutes: number, signal?: AbortSignal): Promise<Pipeline> {
  return call(`/v1/throughput?minutes=${minutes}`, { signal });
}

export function getMaintenance(signal?: AbortSignal): Promise<Maintenance> {
  return call('/v1/maintenance', { signal });
}

/** For operators. */
export function getQueues(signal?: AbortSignal): Promise<Queues> {
  return call('/v1/queues', { signal });
}

export async function getReadiness(signal?: AbortSignal): Promise<Readiness> {
  const response = await fetch('/ready', { signal });
  const body = (await response.json()) as { dependencies?: Record<string, { ok: boolean }> };
  const away = Object.entries(body.dependencies ?? {}).filter(([, { ok }]) => !ok);
  return { ready: response.ok, away: away.map(([name]) => name) };
}

/** Bytes up to which a file is hashed first, which takes it into memory. */
const MOST_HASHED = 256 * 1024 * 1024;
/** Bytes from which it is worth a question whether the service has the file. */
const LEAST_ASKED = 1024 * 1024;

/**
 * Brings a file to the service, unless the same bytes are there under the same name. @returns the `source` to submit
 */
export async function upload(file: File, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> {
  const path = `/v1/uploads/${encodeURIComponent(file.name)}`;
  const hash = await sha256Of(file);
  if (hash === undefined) return send(path, file, onProgress, signal);
  const known = file.size < LEAST_ASKED ? undefined : await fetch(`${path}?sha256=${hash}`, { signal });
  if (known?.ok) return ((await known.json()) as { source: string }).source;
  return send(`${path}?sha256=${hash}`, file, onProgress, signal);
}

/** Undefined for what is too large, or where the browser hashes nothing (http on another machine). */
async function sha256Of(file: File): Promise<string | undefined> {
  if (file.size > MOST_HASHED || !isSecureContext) return undefined;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** fetch cannot tell how far an upload is, so this is the older way. */
function send(path: string, file: File, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total);
    request.onload = () => {
      const answer = (request.response ?? {}) as { source?: string; detail?: string };
      if (request.status < 300 && answer.source) resolve(answer.source);
      else reject(new ApiError(request.status, answer.detail ?? `The service answered ${request.status}.`));
    };
    request.onerror = () => reject(new ApiError(0, 'The upload was interrupted.'));
    request.onabort = () => reject(new ApiError(0, 'The upload was cancelled.'));
    signal.addEventListener('abort', () => request.abort());
    signal.throwIfAborted();
    request.open('PUT', path);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.send(file);
  });
}
