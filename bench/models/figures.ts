import type { ModelNeeds } from '../../common/models';

/** What a stand-in for a model does: nothing, for so many ms. */
export const LOAD_MS = 2000;
export const INFERENCE_MS = 300;
/** What the table of models would say: a process has to start as well, and a slow machine is to be in time. */
export const LOAD_SECONDS = (2 * LOAD_MS) / 1000;

/** Share of the tasks that each model gets: the first ones most of them. */
export const SHARES: Record<string, number> = { a: 0.35, b: 0.25, c: 0.15, d: 0.12, e: 0.08, f: 0.05 };
export const WORKERS = 4;
/** Models that fit into a worker's memory together. */
export const FIT = 2;

const MODEL_BYTES = 512 * 2 ** 20;
export const BUDGET_BYTES = FIT * MODEL_BYTES;
export const NEEDS: Record<string, ModelNeeds> = Object.fromEntries(
  Object.keys(SHARES).map((model) => [model, { memoryBytes: MODEL_BYTES, loadSeconds: LOAD_SECONDS }]),
);
