import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Darkroom, DarkroomApiError, type Batch, type ItemPage, type UploadSource } from '../../client';
import type { Config } from '../../common/config';
import type { MediaJob } from '../../common/contracts';
import { createStorage, type Storage } from '../../storage';
import type { ItemFailure } from '../core/failure';
import { patiently, takeAll, type Submit } from '../core/intake';
import { defaultBatchId, itemKey } from '../core/keys';
import { sleepUnlessAborted } from '../../common/sleep';
import { isTransient } from '../../temporal/grpc';
import { openInput } from '../inputs';
import { movedJob, sha256Of } from '../inputs/staging';
import { newSubmission, progressOf, type Submission } from './follow';
import { JobStream } from './job-stream';
import { samplesFolder, whatIsNamed } from './places';
import { refuse } from './submission';
import type { BatchOptions } from './ui/options';
import { Outages } from './ui/outages';
import { RateMeter } from './ui/rate';
import { summaryOf, type Summary } from './ui/summary';
import type { View } from './ui/view';

/** ms between two looks at the batch. */
const EVERY_MS = 1000;
/** ms after which runs that the service does not list, or not as accepted, are taken as they are listed. */
const LOST_MS = 8_000;
/** Files read and sent at once. */
const UPLOADS = 8;
/** Names of uploaded files that are kept for messages, in about 50 MB; of further ones the service's name is told. */
const MAX_NAMES = 200_000;

/** Of the end of a file's name that the service is told, in characters of four bytes at most: short enough for every file system. */
const MAX_NAME = 60;
/** Items of a page: the most that the service gives. */
const PAGE = 200;

interface Way {
  api: Darkroom;
  /** Gives up sooner: the trouble may be the file's own. */
  uploads: Darkroom;
  /** Called when a call is tried again. */
  onWait: (error: DarkroomApiError) => void;
  submission: Submission;
  /** The caller's own names of uploaded files, by item key. */
  names: Map<string, string>;
  stop: AbortSignal;
}

/**
 * The same batch by way of the HTTP API: local files are uploaded unless `--shared-files` says that the service sees them,
 * jobs go as one stream, and the figures come from the service. The same command again uploads what is new or has changed,
 * and the service skips the rest. A service that is away is waited for.
 * @throws DarkroomApiError with the service's own sentence
 */
export async function runThroughApi(
  url: string,
  config: Config,
  options: BatchOptions,
  view: View,
  stop: AbortSignal,
): Promise<Summary> {
  const batchId = options.batchId ?? defaultBatchId(options.input.name, options.preset, options.output);
  const outages = new Outages((line) => view.note(line));
  const submission = newSubmission(batchId, options.output ?? '', outages);
  const since = Date.now();
  let hasAnswered = false;
  // An address that never answered may be mistyped; one that did is waited for without a limit.
  const onWait = (error: DarkroomApiError): void => {
    if (!hasAnswered && Date.now() - since >= config.connectWait) throw error;
    outages.failing(error, url);
  };
  const onAnswer = (status: number): void => {
    if (status >= 400) return;
    hasAnswered = true;
    outages.passed(url);
  };
  const client = { key: config.apiKey, signal: stop, onWait, onAnswer };
  const api = new Darkroom(url, { ...client, patienceMs: Infinity });
  const way = { api, uploads: new Darkroom(url, client), onWait, submission, names: new Map<string, string>(), stop };
  await submit(way, config, options, view);
  if (options.wait) await follow(way, view);
  return summaryOf(submission);
}

async function submit(way: Way, config: Config, options: BatchOptions, view: View): Promise<void> {
  const { api, onWait, submission, stop: signal } = way;
  const { preset, output, priority, concurrency } = options;
  const named = whatIsNamed(options);
  const storage = createStorage({
    ...config,
    allowedRoots: [...config.allowedRoots, ...(named.folders ?? [])],
    allowedBuckets: [...config.allowedBuckets, ...(named.buckets ?? [])],
  });
  let told = false;
  const settings = { id: submission.batchId, preset, output, priority };
  const stream = new JobStream(api, onWait, settings, signal, (id) => {
    if (!told) view.note(`Batch ${id}: ${new URL(`/#/batch/${encodeURIComponent(id)}`, api.url).href}`);
    told = true;
    submission.batchId = id;
  });
  const uploaded = uploader(way, storage, options.sharedFiles);
  const submitOne: Submit = async (job) => {
    const { id, status, run: runId } = await stream.submit(await uploaded(job));
    // Two lines of ours are two items to the service, so one of them was sent before and its answer lost.
    return { key: keyOf(id), runId, status: status === 'duplicate' ? 'joined' : status };
  };
  try {
    const entries = openInput(options.input, {
      ...{ storage, samples: samplesFolder(config), except: output, cwd: process.cwd(), signal },
      ...{ allFiles: options.allFiles, onIgnored: () => submission.ignored++ },
    });
    const defaults = { preset, output, priority };
    const intake = { submit: submitOne, ledger: submission.ledger, names: config.itemNames, defaults, signal };
    await takeAll(entries, intake, {
      ...{ concurrency, tally: submission.tally },
      onTaken: (taken, entry) => {
        if (taken.status === 'rejected') refuse(submission, entry, taken.error);
      },
    });
    await stream.close();
    submission.final = true;
  } finally {
    storage.close();
  }
}

/** Uploads a job's local file. The item keeps the identity of the file here, so that the same command again finds it. */
function uploader({ uploads, onWait, submission, names, stop }: Way, storage: Storage, sharedFiles: boolean) {
  const gate = gateFor(UPLOADS);
  const patient = patiently({
    ...{ signal: stop, limitMs: Infinity },
    passes: (error) => (error instanceof DarkroomApiError ? error.passes : isTransient(error)),
    onWait: (error) => (error instanceof DarkroomApiError ? onWait(error) : submission.outages.failing(error)),
  });
  const upload = async (uri: string): Promise<string> => {
    const { bytes: size } = await storage.stat(uri, stop);
    const sha256 = await sha256Of(storage, uri, stop);
    return (await uploads.upload(uploadName(uri), partsOf(storage, uri, size, stop), { sha256 })).source;
  };
  return async (job: MediaJob): Promise<MediaJob> => {
    if (sharedFiles) return job;
    const moved = await movedJob(job, (uri) => gate(() => patient(() => upload(uri))));
    if (moved !== job && names.size < MAX_NAMES) names.set(itemKey(moved.source, moved.id), job.source);
    return moved;
  };
}

/** A file of ours, read piece by piece. */
function partsOf(storage: Storage, uri: string, size: number, signal: AbortSignal): UploadSource {
  return {
    size,
    async slice(start, end) {
      if (start === end) return new Uint8Array();
      const { stream } = await storage.openRead(uri, { range: { start, end: end - 1 }, signal });
      return new Uint8Array(await buffer(stream));
    },
  };
}

/** The end of a long name, with its extension. */
function uploadName(uri: string): string {
  return [...decodeURIComponent(path.posix.basename(new URL(uri).pathname))].slice(-MAX_NAME).join('');
}

/** Lets so many run at once; the others wait in line. */
function gateFor(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

/** Until every accepted item has ended; what the service does not list yet counts as open, be it the whole batch. */
async function follow(way: Way, view: View): Promise<void> {
  const { submission, stop } = way;
  const { ledger } = submission;
  const rate = new RateMeter();
  let quietSince: number | undefined;
  for (;;) {
    const look = await batchOf(way);
    const { succeeded = 0, failed = 0, cancelled = 0, running = 0, paused = 0 } = look ?? {};
    const open = look?.open ?? ledger.open;
    view.progress(progressOf(submission, { completed: succeeded, failed, cancelled, open, running, paused }, rate));
    if (open > 0) quietSince = undefined;
    else {
      quietSince ??= Date.now();
      const isLate = Date.now() - quietSince >= LOST_MS;
      await countEnds(way, isLate);
      if (ledger.open === 0 || isLate) return;
    }
    await sleepUnlessAborted(EVERY_MS, stop);
  }
}

/** Undefined: the service does not know the batch, or not yet. */
async function batchOf({ api, submission }: Way): Promise<Batch | undefined> {
  try {
    return await api.batch(submission.batchId);
  } catch (error) {
    if (error instanceof DarkroomApiError && error.code === 'NoSuchBatch') return undefined;
    throw error;
  }
}

/**
 * Counts the accepted items that have ended since the last look.
 * @param anyRun also by another run than the accepted one: a later one, or the service lists none later
 */
async function countEnds({ api, submission, names }: Way, anyRun: boolean): Promise<void> {
  const { ledger, ends, batchId } = submission;
  if (ledger.open === 0) return;
  for await (const item of api.items(batchId, { limit: PAGE })) {
    const key = keyOf(item.id);
    const whose = ledger.whose(key, item.run);
    if (item.state === 'open' || item.state === 'paused' || whose === 'none' || (whose === 'other' && !anyRun))
      continue;
    ledger.close(key);
    const ms = item.closedAt === undefined ? undefined : Date.parse(item.closedAt) - Date.parse(item.startedAt);
    ends.add(item.state, { ...item, ms }, failureOf(item, names.get(key)));
  }
}

/** With the caller's own name of the file instead of the upload's. */
function failureOf({ state, source = '', error }: ItemPage['items'][number], name = source): ItemFailure | undefined {
  if (state === 'succeeded') return undefined;
  const { type = 'InternalError', message = '' } = error ?? {};
  return { source: name, type, message: source === '' ? message : message.replaceAll(source, name) };
}

/** Of the item, from the id of its job. */
function keyOf(jobId: string): string {
  return jobId.slice(jobId.indexOf('~') + 1);
}
