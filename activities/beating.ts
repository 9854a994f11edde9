import { ApplicationFailure, Context } from '@temporalio/activity';
import { DarkroomError } from '../common/errors';
import type { ActivityDeps } from './deps';
import { Pulse } from './pulse';

/** What such work tells of itself. */
export type Beat = Pick<Pulse, 'progress' | 'throwIfOver' | 'signal'>;

/**
 * Runs work that is no item's own, such as looking through a store: its heartbeats go on while something moves.
 * @throws ApplicationFailure with a type of the error table
 */
export async function beating<T>(
  { config }: Pick<ActivityDeps, 'config'>,
  work: (pulse: Beat) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const pulse = new Pulse(context, config.ioStall, context.info.heartbeatTimeoutMs);
  try {
    return await work(pulse);
  } catch (error) {
    context.cancellationSignal.throwIfAborted();
    const cause = pulse.stalled ?? error;
    if (!(cause instanceof DarkroomError)) throw cause;
    throw ApplicationFailure.create({ message: cause.message, type: cause.type, nonRetryable: !cause.retryable });
  } finally {
    pulse.stop();
  }
}
