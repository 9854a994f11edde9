import type { Evidence, StepEvidence } from '../types';

/** Failures that say that a store did not answer. */
const DOWNSTREAM = new Set(['StorageUnavailable', 'SourceUnavailable']);
/** Fewer items with such a failure may be the items' own fault. */
const LEAST_ITEMS = 3;

/** Many items of those that were tried fail for want of a store: then it is not this item's fault. */
export function isDownstreamAway({ steps }: Evidence, step: StepEvidence): boolean {
  if (!DOWNSTREAM.has(step.failure?.type ?? '')) return false;
  const tried = steps.filter(isTried);
  const failed = tried.filter(({ failure }) => failure !== undefined && DOWNSTREAM.has(failure.type));
  return new Set(failed.map(({ workflowId }) => workflowId)).size >= LEAST_ITEMS && failed.length * 2 >= tried.length;
}

/** One that waits for its first attempt says nothing about the store. */
export function isTried({ state, attempt }: StepEvidence): boolean {
  return state !== 'waiting' || attempt > 1;
}

/** The step was downloading its source when it last spoke. */
export function isFetch({ said }: StepEvidence): boolean {
  return said !== undefined && said.includes('"step":"fetch"');
}
