import type { Client } from '@temporalio/client';
import { sleepUnlessAborted } from '../../common/sleep';
import { resultsOf, type Results } from './results';
import { moveRuns } from './stuck';
import type { WorkerVersions } from './versions';

export interface RolloutOptions {
  buildId: string;
  /** Shares of new runs, %, before all of them. */
  ramps: number[];
  /** Results that a step waits for, and ms that it waits at most: with little work it goes on with what came. */
  items: number;
  windowMs: number;
  /** Share of bad results, 0 to 1, above which the build is taken back. */
  tolerated: number;
  /** What workers of the build have to serve, as `WorkerVersions.queues` says it. */
  queues: string[];
  /** ms until they do and the probe has ended. */
  readyMs: number;
  /** ms that the old build may take to drain. */
  drainMs: number;
}

export interface RolloutDeps {
  client: Client;
  versions: WorkerVersions;
  /** Throws where this build's workflows do not fit what runs. */
  replay: () => Promise<unknown>;
  /** Has the build process items of its own and throws unless each completes: the only proof where no other items come. */
  probe: (signal: AbortSignal) => Promise<unknown>;
  say: (line: string) => void;
  signal?: AbortSignal;
  /** ms between looks. */
  pollMs?: number;
}

/** The build was not rolled out; the sentence says why, and what gets new items now. */
export class RolledBack extends Error {
  override readonly name = 'RolledBack';
}

/**
 * Makes a build current by steps, judging each by the results of its first runs; then waits for the one before to drain.
 * @throws RolledBack after routing is what it was
 */
export async function rollOut(options: RolloutOptions, deps: RolloutDeps): Promise<void> {
  const { buildId, ramps } = options;
  const { versions, say } = deps;
  const { current } = await versions.routing();
  if (current === buildId) return say(`${buildId} is current already`);
  const deadline = Date.now() + options.readyMs;
  try {
    await untilServed(deadline, options, deps);
    await deps.replay();
    const late = AbortSignal.timeout(Math.max(0, deadline - Date.now()));
    await deps.probe(deps.signal === undefined ? late : AbortSignal.any([deps.signal, late]));
  } catch (error) {
    throw new RolledBack(
      `${buildId} got no item: ${messageOf(error)}. ${current ?? 'What was there'} goes on as before.`,
    );
  }
  if (current === undefined) {
    // Nothing to compare with and nothing to go back to.
    await versions.makeCurrent(buildId);
    return say(`${buildId} is current, the first build with a version`);
  }
  try {
    for (const percentage of [...ramps, 100]) {
      const since = new Date();
      if (percentage === 100) await versions.makeCurrent(buildId);
      else await versions.ramp(buildId, percentage);
      say(`${buildId} gets ${percentage} % of new items`);
      say(verdict(await judge(since, options, deps)));
    }
  } catch (error) {
    await restore(versions, current);
    const moved = await moveRuns(deps.client, versions.deploymentName, buildId, current);
    if (moved > 0) say(`${moved} open items go on on ${current}`);
    throw new RolledBack(`${buildId} was taken back: ${messageOf(error)}. New items go to ${current} again.`);
  }
  await drain(current, options, deps);
}

async function restore(versions: WorkerVersions, previous: string): Promise<void> {
  const { current, ramping } = await versions.routing();
  if (current !== previous) await versions.makeCurrent(previous);
  if (ramping !== undefined) await versions.ramp('', 0);
}

/** Waits for enough results, or as long as a step may take. @throws Error as soon as too many are bad */
async function judge(since: Date, options: RolloutOptions, { client, versions, signal, pollMs = 2000 }: RolloutDeps) {
  const { buildId, items, windowMs, tolerated } = options;
  for (;;) {
    const late = Date.now() - since.getTime() >= windowMs;
    const results = await resultsOf(client, versions.deploymentName, buildId, since);
    const bad = results.failed + results.stuck;
    const all = results.good + bad;
    const enough = all >= items;
    if (bad > tolerated * (enough || late ? all : items)) throw new Error(describe(results));
    if (enough || late) return results;
    await sleepUnlessAborted(pollMs, signal);
  }
}

/** Workers of the build have asked for tasks of every queue: else those of a queue would have nobody. */
async function untilServed(
  deadline: number,
  { buildId, queues }: RolloutOptions,
  { versions, signal, pollMs = 2000 }: RolloutDeps,
) {
  for (;;) {
    const served = await versions.queues(buildId);
    const missing = queues.filter((queue) => !served.includes(queue));
    if (missing.length === 0) return;
    if (Date.now() >= deadline) throw new Error(`no worker of the build serves ${missing.join(', ')}`);
    await sleepUnlessAborted(pollMs, signal);
  }
}

/** Items end on the build that they began on, so its workers stay until it is drained. */
async function drain(
  previous: string,
  { drainMs }: RolloutOptions,
  { versions, say, signal, pollMs = 2000 }: RolloutDeps,
) {
  const deadline = Date.now() + drainMs;
  while (!(await versions.isDrained(previous))) {
    if (Date.now() >= deadline) return say(`${previous} is not drained yet; its workers stay until a later rollout`);
    await sleepUnlessAborted(pollMs, signal);
  }
  say(`${previous} is drained`);
}

/** Without results a step has shown nothing: what speaks for the build is the probe. */
function verdict(results: Results): string {
  const none = results.good + results.failed + results.stuck === 0;
  return none ? 'no item came; the probe items stand for them' : describe(results);
}

function describe({ good, failed, stuck, example }: Results): string {
  const counts = `${good} good, ${failed} failed, ${stuck} stuck`;
  return example === undefined ? counts : `${counts} (${example})`;
}

/** A reason inside of a sentence: without a full stop of its own. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
