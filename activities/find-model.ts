import type { Logger } from '../common/logger';
import { MODELS, type ModelName } from '../common/models';

/** What the server says of a queue. */
export interface QueueLook {
  /** A worker has asked for its tasks within the last minute. */
  isPolled: boolean;
  /** Seconds that its oldest task has waited. */
  ageSeconds: number;
}

/** The queue that a task goes to. */
export type Way = 'warm' | 'common';

/** How a task has fared on the model's own queue: no worker took it in time, or one did that has the model no longer. */
export type Miss = 'late' | 'gone';

/** Times of loading between one further worker for a model and the next: the first one has to have worked off some of the queue. */
const SPREAD_EVERY = 4;

/** ms for which an answer of the server holds: many items ask at once. */
const HOLDS_MS = 1000;

interface Known {
  look?: Promise<QueueLook>;
  askedAt: number;
  /** From when on a task may be sent to have the model loaded: not while another one that was sent is at it. */
  nextAt: number;
}

/**
 * Which queue a task of a model goes to: the model's own, where a worker has the model or is loading it; the common one, where
 * none has, or where tasks wait longer than loading takes, so that another worker loads it. One task at a time is sent for
 * that and the others wait: every task on the common queue may cost a worker the model that it has.
 */
export class WarmQueues {
  private readonly known = new Map<ModelName, Known>();

  constructor(
    private readonly look: (model: ModelName) => Promise<QueueLook>,
    private readonly loadSeconds = (model: ModelName): number => MODELS[model].loadSeconds,
    private readonly now = () => performance.now(),
  ) {}

  async wayTo(model: ModelName, missed?: Miss): Promise<Way> {
    const known = this.known.get(model) ?? { askedAt: -Infinity, nextAt: -Infinity };
    this.known.set(model, known);
    if (this.now() < known.nextAt) return 'warm';
    const { isPolled, ageSeconds } = await this.ask(model, known);
    const loading = this.loadSeconds(model);
    const isServed = isPolled && missed !== 'gone';
    if (isServed && missed === undefined && ageSeconds <= loading) return 'warm';
    // Another task may have been sent meanwhile.
    if (this.now() < known.nextAt) return 'warm';
    known.nextAt = this.now() + 1000 * loading * (isServed ? SPREAD_EVERY : 1);
    known.look = undefined;
    return 'common';
  }

  private ask(model: ModelName, known: Known): Promise<QueueLook> {
    if (known.look && this.now() - known.askedAt < HOLDS_MS) return known.look;
    const look = this.look(model);
    Object.assign(known, { look, askedAt: this.now() });
    // A failed look is asked again at once.
    look.catch(() => (known.look = undefined));
    return look;
  }
}

/** The way to a model; the common queue where the server does not say. */
export async function findModel(
  { warmQueues, logger }: { warmQueues?: WarmQueues; logger: Logger },
  model: ModelName,
  missed?: Miss,
): Promise<Way> {
  try {
    return (await warmQueues?.wayTo(model, missed)) ?? 'common';
  } catch (error) {
    logger.warn({ error, model }, 'the queue of the model could not be looked at');
    return 'common';
  }
}
