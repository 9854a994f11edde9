import { MODELS, type ModelName } from '../common/models';
import type { ActivityDeps } from './deps';

/** What the server says of a queue. */
export interface QueueLook {
  /** A worker has asked for its tasks within the last minute. */
  isPolled: boolean;
  /** Seconds that its oldest task has waited. */
  ageSeconds: number;
}

/** The queue that a task goes to first. */
export type Way = 'warm' | 'common';

/** ms for which an answer of the server holds: many items ask at once. */
const HOLDS_MS = 1000;

interface Known {
  look: Promise<QueueLook>;
  askedAt: number;
  /** When a task was last sent to have the model loaded. */
  sentAt: number;
}

/**
 * Which queue a task of a model goes to first: the model's own, where a worker has the model or is loading it; the common one,
 * where none has, or where tasks wait longer than loading takes, so that another worker loads it. For as long as loading
 * takes, one task is sent for that and the others wait for it.
 */
export class WarmQueues {
  private readonly known = new Map<ModelName, Known>();

  constructor(
    private readonly look: (model: ModelName) => Promise<QueueLook>,
    private readonly loadSeconds = (model: ModelName): number => MODELS[model].loadSeconds,
    private readonly now = () => performance.now(),
  ) {}

  async wayTo(model: ModelName): Promise<Way> {
    const known = this.ask(model);
    const { isPolled, ageSeconds } = await known.look;
    const loading = this.loadSeconds(model);
    if (isPolled && ageSeconds <= loading) return 'warm';
    if (this.now() - known.sentAt < 1000 * loading) return 'warm';
    known.sentAt = this.now();
    return 'common';
  }

  private ask(model: ModelName): Known {
    const before = this.known.get(model);
    if (before && this.now() - before.askedAt < HOLDS_MS) return before;
    const known = { look: this.look(model), askedAt: this.now(), sentAt: before?.sentAt ?? -Infinity };
    // A failed look is asked again at once.
    known.look.catch(() => (known.askedAt = -Infinity));
    this.known.set(model, known);
    return known;
  }
}

/** The way to a model; the common queue where the server does not say. */
export async function findModel(
  { warmQueues, logger }: Pick<ActivityDeps, 'warmQueues' | 'logger'>,
  model: ModelName,
): Promise<Way> {
  try {
    return (await warmQueues?.wayTo(model)) ?? 'common';
  } catch (error) {
    logger.warn({ error, model }, 'the queue of the model could not be looked at');
    return 'common';
  }
}
