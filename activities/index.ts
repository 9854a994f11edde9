import { awaitBatch } from './batch';
import { makeImage } from './image';
import { packageHls } from './package';
import { quarantine } from './quarantine';
import { encodeRung, makePoster, makeSprite, probeVideo, publishVideo } from './video';
import type { ActivityDeps } from './deps';
import { deliverWebhook } from './webhook';

export type { ActivityDeps } from './deps';

/** Drops the first parameter: what a workflow calls. */
type Bound<F> = F extends (deps: ActivityDeps, ...args: infer Args) => infer Result ? (...args: Args) => Result : never;

function bind<F extends (deps: ActivityDeps, ...args: never[]) => unknown>(deps: ActivityDeps, activity: F): Bound<F> {
  return ((...args: never[]) => activity(deps, ...args)) as Bound<F>;
}

/** Every activity, with what it works on. A worker registers all; its task queues decide which are asked for. */
export function createActivities(deps: ActivityDeps) {
  return {
    makeImage: bind(deps, makeImage),
    probeVideo: bind(deps, probeVideo),
    encodeRung: bind(deps, encodeRung),
    makePoster: bind(deps, makePoster),
    makeSprite: bind(deps, makeSprite),
    packageHls: bind(deps, packageHls),
    publishVideo: bind(deps, publishVideo),
    quarantine: bind(deps, quarantine),
    deliverWebhook: bind(deps, deliverWebhook),
    awaitBatch: bind(deps, awaitBatch),
  };
}

export type Activities = ReturnType<typeof createActivities>;
