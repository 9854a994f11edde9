import {
  QueryNotRegisteredError,
  QueryRejectedError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { decodeOptionalFailureToOptionalError } from '../../../temporal/sdk-internals';
import { temporal } from '@temporalio/proto';
import type { ChunkStates, ItemProgress, ItemResult, Manifest, Rendition } from '../../../common/contracts';
import type { Playable } from '../../../common/playable';
import type { Storage, StoredManifest } from '../../../storage';
import { progress as queryProgress } from '../../../temporal/signals';
import { inputOf } from '../../../temporal/input';
import { failureOf } from '../failure';
import { overlaid } from './chunks';
import { grpcCode } from '../../../temporal/grpc';
import { isPaused } from '../../../temporal/batches/paused';
import { attribute, memoText, stateOf, type Run } from '../../../temporal/batches/runs';

/** A worker answers the query; without one there is no use in waiting longer. */
const QUERY_MS = 2_000;
const STARTED = temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
/** Events in the history of a run that no worker has seen: its start and its first task. */
const UNTOUCHED = 2;

export type ItemState = 'queued' | 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled';

/** An activity that is under way or waits for a worker. */
export interface Pending {
  activity: string;
  started: boolean;
  attempt: number;
  /** Why the attempt before failed. */
  lastFailure?: string;
}

/** Everything about one item, from its last run. */
export interface ItemView {
  workflowId: string;
  runId: string;
  state: ItemState;
  kind: string;
  preset: string;
  tenant: string;
  source?: string;
  /** ISO 8601. */
  startedAt: string;
  closedAt?: string;
  /** The most attempts that any of its steps has taken. */
  attempt: number;
  /** 1 to 5; absent where nobody has chosen one. */
  priority?: number;
  /** While it is open and a worker answers. */
  progress?: ItemProgress;
  /** While it is open: its stream, the beginning of which can be played. How much there is, a worker has to say. */
  playable?: Omit<Playable, 'seconds'> & { seconds?: number };
  pending: Pending[];
  error?: { type: string; message: string };
  result?: ItemResult;
}

/** The view of a run, from its description. */
export async function viewOf(client: Client, run: WorkflowExecutionDescription): Promise<ItemView> {
  const { workflowId, runId } = run;
  const closed = stateOf(run);
  const common = {
    ...{ workflowId, runId },
    kind: attribute(run, 'MediaKind'),
    preset: attribute(run, 'MediaPreset'),
    tenant: attribute(run, 'MediaTenant'),
    source: memoText(run, 'source'),
    startedAt: run.startTime.toISOString(),
    closedAt: run.closeTime?.toISOString(),
    // The server writes 0 where there is none.
    priority: run.raw.workflowExecutionInfo?.priority?.priorityKey || undefined,
  };
  if (closed === 'open') {
    const pending = await pendingOf(client, run);
    // Before its first task nobody could answer, and without a worker nobody would.
    const progress = run.historyLength <= UNTOUCHED ? undefined : await progressOf(client, workflowId, runId);
    const state = isPaused(run) ? 'paused' : openState(progress, pending);
    const seen = progress?.chunks && { ...progress, chunks: withPending(progress.chunks, run) };
    const path = playablePath(run);
    const playable = path === undefined ? undefined : { path, ...progress?.playable };
    return { ...common, state, attempt: attempts(progress, pending), progress: seen ?? progress, playable, pending };
  }
  const rest = { ...common, state: closed, attempt: 1, pending: [] };
  if (closed !== 'succeeded') return { ...rest, error: await failureOf(client, workflowId, runId) };
  const result = (await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result()) as ItemResult;
  return { ...rest, result };
}

function openState(progress: ItemProgress | undefined, pending: Pending[]): ItemState {
  if (progress?.state === 'paused') return 'paused';
  const begun = pending.some(({ started, attempt }) => started || attempt > 1);
  const done = progress?.steps.some(({ state }) => state === 'done' || state === 'failed') ?? false;
  return begun || done ? 'running' : 'queued';
}

function attempts(progress: ItemProgress | undefined, pending: Pending[]): number {
  return Math.max(1, ...pending.map(({ attempt }) => attempt), ...(progress?.steps ?? []).map((step) => step.attempts));
}

/** The workflow knows which chunks are in the queue; the server, which of them a worker has, and how often they were tried. */
function withPending(chunks: ChunkStates, { raw }: WorkflowExecutionDescription): ChunkStates {
  const pending = (raw.pendingActivities ?? []).filter(({ activityType }) => activityType?.name === 'makeChunk');
  return overlaid(
    chunks,
    pending
      .sort((a, b) => Number(a.activityId) - Number(b.activityId))
      .map(({ state, attempt }) => ({ started: state === STARTED, attempt: attempt ?? 1 })),
  );
}

function pendingOf(client: Client, { raw }: WorkflowExecutionDescription): Promise<Pending[]> {
  const { loadedDataConverter } = client.options;
  return Promise.all(
    (raw.pendingActivities ?? []).map(async ({ activityType, state, attempt, lastFailure }) => ({
      activity: activityType?.name ?? '',
      started: state === STARTED,
      attempt: attempt ?? 1,
      lastFailure: (await decodeOptionalFailureToOptionalError(loadedDataConverter, lastFailure))?.message,
    })),
  );
}

async function progressOf(client: Client, workflowId: string, runId: string): Promise<ItemProgress | undefined> {
  try {
    const handle = client.workflow.getHandle(workflowId, runId);
    return await client.withDeadline(Date.now() + QUERY_MS, () => handle.query(queryProgress));
  } catch (error) {
    // No worker, or one that is busy: the rest of the picture is there all the same.
    if (
      grpcCode(error) !== undefined ||
      error instanceof QueryRejectedError ||
      error instanceof QueryNotRegisteredError
    ) {
      return undefined;
    }
    throw error;
  }
}

/** URI of the folder that the item's files are in: from its memo, or for older and longer ones from its history. */
export async function outputOf(client: Client, run: Run): Promise<string> {
  return memoText(run, 'output') ?? (await inputOf(client, run.workflowId, run.runId)).output;
}

/** Of a run that is open: the playlist of its stream, relative to the item's folder, once that can be played. */
export function playablePath(run: Run): string | undefined {
  return stateOf(run) === 'open' ? memoText(run, 'playable') : undefined;
}

/** The narrowest picture of an item, for lists. */
export function smallestPicture({ renditions }: Pick<Manifest, 'renditions'>): Rendition | undefined {
  const pictures = renditions.filter(({ role }) => role === 'image' || role === 'poster');
  return pictures.reduce<Rendition | undefined>(
    (least, each) => (least === undefined || (each.width ?? 0) < (least.width ?? 0) ? each : least),
    undefined,
  );
}

/** The run that a manifest is asked for. */
export type RunNames = Pick<ItemView, 'workflowId' | 'runId' | 'tenant'>;

/** ms for which a manifest counts as read: a campaign may put another one in its place. */
const KNOWN_MS = 30_000;

/** Manifests by run; each is read again after half a minute, and kept while it is among the last ones asked for. */
export class ManifestCache {
  private readonly known = new Map<string, StoredManifest & { at: number }>();
  private size = 0;

  /** @param maxSize characters of all that are kept */
  constructor(
    private readonly storage: Storage,
    private readonly maxSize = 32 * 1024 * 1024,
  ) {}

  /** Undefined: not published, or replaced by what another job or tenant has published there. */
  async get(output: string, { workflowId, runId, tenant }: RunNames): Promise<Manifest | undefined> {
    const key = `${runId} ${output}`;
    const kept = this.known.get(key);
    const isFresh = kept !== undefined && performance.now() - kept.at < KNOWN_MS;
    const read = isFresh ? kept : await this.storage.readManifest(output);
    if (read === undefined) return undefined;
    this.keep(key, isFresh ? kept : { ...read, at: performance.now() });
    const { manifest } = read;
    return manifest.workflow.id === workflowId && manifest.tenant === tenant ? manifest : undefined;
  }

  private keep(key: string, found: StoredManifest & { at: number }): void {
    this.size += found.size - (this.known.get(key)?.size ?? 0);
    this.known.delete(key);
    this.known.set(key, found);
    for (const [oldest, { size }] of this.known) {
      if (this.size <= this.maxSize) return;
      this.known.delete(oldest);
      this.size -= size;
    }
  }
}
