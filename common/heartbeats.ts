/**
 * How the loss of a worker is noticed, by whom and when. Free of Node, since workflows import it.
 *
 * A lost worker's step runs again after the silence below, less the age of its last heartbeat, and a second of backoff.
 * Shorter is sooner, but a server that is away for as long, or a machine so busy that no heartbeat leaves it, then costs
 * running steps another attempt. Measured: docs/measurements/2026-11.md, `npm run bench:recovery`.
 */
import type { SubmitMode } from './contracts';

/** ms between two heartbeats of an attempt; cancellation arrives with them. */
export const HEARTBEAT_MS = 2000;

/** ms of silence after which the worker of an attempt counts as lost. */
export const LOST_AFTER_MS: Readonly<Record<SubmitMode, number>> = { interactive: 7000, batch: 12_000 };

/** ms for a workflow task, which takes some 20; after that, its worker counts as lost. The server's default is 10 s. */
export const WORKFLOW_TASK_MS: Readonly<Record<SubmitMode, number>> = { interactive: 5000, batch: 10_000 };

/** ms that a workflow task waits for the worker that has the workflow in memory; then any other may take it. */
export const STICKY_MS = 3000;

/** Type of the failure of an attempt that did nothing, since its item is paused. */
export const HELD = 'Paused';

/** ms until such a step asks again whether the pause is over; whoever resumes the item has it start at once. */
export const HELD_AGAIN_MS = 20_000;
