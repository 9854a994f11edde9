/**
 * The service's API as the page uses it: the typed client of client/, and what the page says of its shapes. The rest of the
 * page imports from here only.
 */
import {
  Darkroom,
  DarkroomApiError,
  paths,
  type Batch,
  type BatchPage,
  type Campaign,
  type Duplicates,
  type Job as ApiJob,
  type ItemPage,
  type Maintenance,
  type Presets,
  type PageQuery,
  type Queues,
  type Session as ApiSession,
  type Steps,
  type Throughput,
} from '../../../client';
import type { Settlement } from '../../../common/campaign';
import type { Manifest } from '../../../common/contracts';
import { MEDIA_KINDS, type MediaKind } from '../../../common/kinds';

export { DarkroomApiError as ApiError, newUploadId } from '../../../client';
export type { Batch, Campaign, Duplicates, Queues, Settlement };
export type BatchLine = BatchPage['batches'][number];
export type Item = ItemPage['items'][number];
export type Job = Omit<ApiJob, 'manifest'> & { manifest?: Manifest };
export type Step = Steps['steps'][number];
/** All batches that the caller may see, together. */
export type Pipeline = Throughput;
export type Queue = Queues['queues'][number];
export type Finding = Queues['findings'][number];
export type MaintenanceRun = Maintenance['runs'][number];
export type MaintenanceStep = NonNullable<MaintenanceRun['steps']>[number];
/** All absent: nobody knows yet. */
export type Session = Partial<ApiSession>;
/** A preset whose file has a mistake in it. */
export type BrokenPreset = NonNullable<Presets['broken']>[number];
export type Counts = Pick<Batch, 'items' | 'open' | 'succeeded' | 'failed' | 'cancelled'>;
/** `open`: in a list, where nobody asked yet whether it waits or runs. */
export type ItemState = Item['state'] | Job['state'];
/** Why an item failed: a row of the error table, and one sentence for the person who sent the file. */
export type Failure = NonNullable<Item['error']>;

export const isOpen = (state: ItemState): boolean => !['succeeded', 'failed', 'cancelled'].includes(state);

/** Event of the window: the service refused a call for want of a key. */
export const KEY_WANTED = 'darkroom:key-wanted';

const onAnswer = (status: number): void => void (status === 401 && dispatchEvent(new Event(KEY_WANTED)));
/** Asks once: the page itself asks again and again. */
const darkroom = new Darkroom(location.origin, { onAnswer, patienceMs: 0 });
/** What a person waits for, such as an upload, outlasts a restart of the service. */
const patient = new Darkroom(location.origin, { onAnswer });

export const eventsOf = {
  job: (id: string) => `${paths.job(id)}/events`,
  batch: (id: string) => `${paths.batch(id)}/events`,
};

/** What a list is narrowed to; empty texts narrow nothing. */
export interface ListQuery {
  search?: string;
  state?: string;
  kind?: string;
  preset?: string;
  /** ISO 8601: submitted at this time or later. */
  from?: string;
}

/** One page of batches: those with open items first, then those that ended last. */
export async function listBatches(query: ListQuery, cursor?: string): Promise<{ items: BatchLine[]; next?: string }> {
  const { batches, next } = await darkroom.batchPage({ ...(query as PageQuery), cursor });
  return { items: batches, next };
}

export const getBatch = (id: string, signal?: AbortSignal) => darkroom.batch(id, { signal });

/** One page of a batch, newest first. */
export function listItems(
  id: string,
  { signal, ...query }: { state?: ItemState; cursor?: string; signal?: AbortSignal },
): Promise<ItemPage> {
  return darkroom.itemPage(id, { ...(query as PageQuery), limit: 200 }, { signal });
}

export const findDuplicates = (id: string, signal?: AbortSignal) => darkroom.duplicates(id, { signal });

/** A batch with the same id has its items. */
export const getCampaign = (id: string, signal?: AbortSignal) => darkroom.campaign(id, { signal });
export const approveCampaign = (id: string) => darkroom.settle(id, 'approve');
export const settleCampaign = (id: string, how: Settlement) => darkroom.settle(id, how);

export const getJob = (id: string, signal?: AbortSignal) => darkroom.job(id, { signal }) as Promise<Job>;

/** Empty for what Temporal has forgotten. */
export async function listSteps(id: string, signal?: AbortSignal): Promise<Step[]> {
  try {
    return await darkroom.steps(id, { signal });
  } catch (error) {
    if (error instanceof DarkroomApiError && error.status === 404) return [];
    throw error;
  }
}

/** A published file of an item, as it stands in its manifest. */
export const fileUrl = paths.file;
/** All published files, as a ZIP. */
export const archiveUrl = (id: string): string => `${paths.job(id)}/archive`;
/** The file that was sent. */
export const sourceUrl = (id: string): string => `${paths.job(id)}/source`;

export async function getText(url: string): Promise<string> {
  return (await darkroom.request('GET', url)).text();
}

export type Action = 'cancel' | 'retry' | 'pause' | 'resume' | 'restart';

/** What an action changed, as far as the page says it. */
export interface Acted {
  /** Of a pause: items with a step under way. */
  running?: number;
}

const plural = { job: 'jobs', batch: 'batches' } as const;

/** @param state of a batch's items that are to be retried; default: the failed ones */
export async function act(on: 'job' | 'batch', id: string, action: Action, state?: 'cancelled'): Promise<Acted> {
  if (action === 'retry') await darkroom.retry(plural[on], id, state);
  else if (action === 'restart') await darkroom.restart(id);
  else return darkroom[action](plural[on], id);
  return {};
}

/** Deletes what has ended, its files and history included. False: a worker goes on with it. */
export async function remove(on: 'job' | 'batch', id: string): Promise<boolean> {
  return (await darkroom.delete(plural[on], id)).state === 'completed';
}

export async function setPriority(on: 'job' | 'batch', id: string, priority: 1 | 2 | 3 | 4 | 5): Promise<void> {
  await darkroom.setPriority(plural[on], id, priority);
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

interface RawPreset {
  name: string;
  image?: { renditions: { name: string }[] };
  video?: { rungs?: { name: string }[]; ladder?: string };
  audio?: { renditions: { name: string }[] };
}

export async function listPresets(): Promise<{ presets: Preset[]; broken: BrokenPreset[] }> {
  const { presets, broken = [] } = await darkroom.presets();
  const names = (list: { name: string }[]): string => list.map(({ name }) => name).join(', ');
  const readable = (presets as RawPreset[]).map(({ name, ...sections }) => ({
    name,
    sections,
    kinds: MEDIA_KINDS.filter((kind) => sections[kind] !== undefined),
    summary: [sections.image?.renditions, sections.video?.rungs, sections.audio?.renditions]
      .flatMap((list) => (list === undefined ? [] : [names(list)]))
      .join('; '),
  }));
  return { presets: readable, broken };
}

/** @returns the job's id */
export async function submit(body: { source: string; preset: string; batch?: string }): Promise<string> {
  return (await patient.submit(body)).id;
}

export const getSession = () => darkroom.session();
/** From now on the browser sends a cookie that stands for the key. */
export const signIn = (key: string) => darkroom.signIn(key);
export const signOut = () => darkroom.signOut();

export const getPipeline = (minutes: number, signal?: AbortSignal) => darkroom.throughput(minutes, { signal });
export const getMaintenance = (signal?: AbortSignal) => darkroom.maintenance({ signal });
/** For operators. */
export const getQueues = (signal?: AbortSignal) => darkroom.queues({ signal });

export interface Readiness {
  ready: boolean;
  /** Dependencies that do not answer: `temporal`, `storage`, `server`. */
  away: string[];
}

export async function getReadiness(signal?: AbortSignal): Promise<Readiness> {
  const response = await fetch('/ready', { signal });
  const body = (await response.json()) as { dependencies?: Record<string, { ok: boolean }> };
  const away = Object.entries(body.dependencies ?? {}).filter(([, { ok }]) => !ok);
  return { ready: response.ok, away: away.map(([name]) => name) };
}

/** Bytes of the first part of an upload: small enough that its progress shows on a slow line. */
const FIRST_PART = 1024 * 1024;

/**
 * Brings a file to the service, unless the same bytes are there under the same name.
 * @param id of the upload: with it a later page goes on where this one was left
 * @param onProgress called with the share that is there, 0 to 1
 * @returns the `source` to submit
 */
export async function upload(
  file: File,
  id: string,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const report = (bytes: number): void => onProgress(file.size === 0 ? 1 : bytes / file.size);
  const options = { id, firstPart: FIRST_PART, onProgress: report, signal };
  return (await patient.upload(file.name, file, options)).source;
}
