import type { z } from 'zod';
import type { Manifest } from '../../common/contracts';
import { workflowId } from '../../common/contracts';
import { failureOf } from '../core/failure';
import { viewBatch, type BatchView } from '../core/view/batch';
import { outputOf, smallestPicture, viewOf, type ItemView } from '../core/view/item';
import { isPaused } from '../../temporal/batches/paused';
import { attribute, memoNumber, memoText, stateOf, type Run } from '../../temporal/batches/runs';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { jobId } from './guard/ids';
import type { batchAnswer, ItemAnswer, jobAnswer } from './http/schemas';
import type { Service } from './service';

export type JobAnswer = z.output<typeof jobAnswer>;
export type BatchAnswer = z.output<typeof batchAnswer>;

/** One job in full: its run, and its manifest once there is one. */
export async function answerJob(service: Service, run: WorkflowExecutionDescription): Promise<JobAnswer> {
  const view = await viewOf(service.client, run);
  const manifest = view.result && (await service.manifests.get(itemFolder(view.result.manifest), view));
  const links = jobLinks(service, view);
  const { playable } = view;
  return {
    ...view,
    playable: playable && { ...playable, href: `${links['files']}${encodeURI(playable.path)}` },
    id: jobId(view.workflowId),
    batch: attribute(run, 'MediaBatchId'),
    manifest: manifest && { ...manifest },
    links,
  };
}

/** A job that Temporal has forgotten, or never knew because its outputs were there: its manifest tells. */
export function answerPublished(service: Service, manifest: Manifest): JobAnswer {
  const id = workflowId(manifest.batchId, manifest.itemKey);
  return {
    id: jobId(id),
    batch: manifest.batchId,
    state: 'succeeded',
    kind: manifest.kind,
    preset: manifest.preset.name,
    tenant: manifest.tenant,
    source: manifest.source.uri,
    startedAt: manifest.requestedAt,
    closedAt: manifest.publishedAt,
    attempt: manifest.workflow.attempt,
    pending: [],
    manifest: { ...manifest },
    links: jobLinks(service, { workflowId: id, runId: manifest.workflow.runId }),
  };
}

/** `<uri>/manifest.json` without its last part. */
function itemFolder(manifestUri: string): string {
  return manifestUri.replace(/\/[^/]*$/, '');
}

export function jobLinks(service: Service, run: Pick<ItemView, 'workflowId' | 'runId'>): Record<string, string> {
  const self = `/v1/jobs/${jobId(run.workflowId)}`;
  const ui = service.config.temporalUiUrl?.replace(/\/$/, '');
  const path = `${encodeURIComponent(run.workflowId)}/${encodeURIComponent(run.runId)}`;
  return {
    self,
    result: `${self}/result`,
    events: `${self}/events`,
    files: `${self}/files/`,
    original: `${self}/source`,
    ...(ui !== undefined && {
      temporal: `${ui}/namespaces/${service.client.options.namespace}/workflows/${path}`,
    }),
  };
}

export function batchLinks(id: string): Record<string, string> {
  const self = `/v1/batches/${id}`;
  return { self, items: `${self}/items`, events: `${self}/events` };
}

const FRESH_MS = 900;
const views = new WeakMap<Service, Map<string, { at: number; view: Promise<BatchView> }>>();

/** A batch in figures; those who look at the same one in the same second share a look. */
export async function answerBatch(service: Service, id: string): Promise<BatchAnswer> {
  const known = views.get(service) ?? new Map<string, { at: number; view: Promise<BatchView> }>();
  views.set(service, known);
  let entry = known.get(id);
  if (entry === undefined || Date.now() - entry.at > FRESH_MS) {
    for (const [key, { at }] of known) if (Date.now() - at > FRESH_MS) known.delete(key);
    entry = { at: Date.now(), view: viewBatch(service.client, service.queuePrefix, id) };
    known.set(id, entry);
  }
  return { ...(await entry.view), links: batchLinks(id) };
}

/** One line of a list of items: with its picture where it succeeded, with its reason where it failed. */
export async function answerItem(service: Service, run: Run): Promise<ItemAnswer> {
  const state = stateOf(run);
  const links = jobLinks(service, run);
  const common = {
    id: jobId(run.workflowId),
    batch: attribute(run, 'MediaBatchId'),
    run: run.runId,
    state,
    kind: attribute(run, 'MediaKind'),
    preset: attribute(run, 'MediaPreset'),
    source: memoText(run, 'source'),
    startedAt: run.startTime.toISOString(),
    closedAt: run.closeTime?.toISOString(),
    bytesIn: memoNumber(run, 'bytesIn'),
    bytesOut: memoNumber(run, 'bytesOut'),
    cpuSeconds: memoNumber(run, 'cpuSeconds'),
    links,
  };
  if (state === 'open') return { ...common, state: isPaused(run) ? 'paused' : 'open' };
  if (state !== 'succeeded') {
    return { ...common, error: await failureOf(service.client, run.workflowId, run.runId) };
  }
  const manifest = await manifestOf(service, run);
  const picture = manifest && smallestPicture(manifest);
  return {
    ...common,
    placeholder: manifest?.placeholder,
    thumbnail: picture && {
      href: `${links['files']}${encodeURI(picture.path)}`,
      width: picture.width,
      height: picture.height,
    },
  };
}

/** Undefined where it cannot be read: a list is no place to fail for one picture. */
async function manifestOf(service: Service, run: Run): Promise<Manifest | undefined> {
  try {
    const { workflowId, runId } = run;
    const tenant = attribute(run, 'MediaTenant');
    return await service.manifests.get(await outputOf(service.client, run), { workflowId, runId, tenant });
  } catch (error) {
    service.logger.debug({ err: error, workflowId: run.workflowId }, 'manifest not read');
    return undefined;
  }
}
