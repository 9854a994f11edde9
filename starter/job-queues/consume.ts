import type { Logger } from '../../common/logger';
import type { JobSource, Message } from '../../net/job-queues/source';
import { concernsOneJob, reasonOf } from '../core/intake';
import { sleepUnlessAborted } from '../../common/sleep';

/** Starts a message's job. @throws an error that `concernsOneJob` for a job that can never work */
export type SubmitMessage = (message: Message, signal: AbortSignal) => Promise<void>;

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * Takes jobs from a source until the signal aborts. A message is done only after its job is started, so a crash at any
 * moment costs at most a second start, which is no second job. What fails for a reason that passes stays in the queue.
 */
export async function consume<M extends Message>(
  source: JobSource<M>,
  submit: SubmitMessage,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      const messages = await source.receive(signal);
      await Promise.all(messages.map((message) => handle(source, message, submit, logger, signal)));
      wait = FIRST_WAIT_MS;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error, source: source.name }, 'the job source does not answer; trying again');
      await sleepUnlessAborted(wait, signal).catch(() => {});
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }
}

async function handle<M extends Message>(
  source: JobSource<M>,
  message: M,
  submit: SubmitMessage,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await submit(message, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (concernsOneJob(error)) {
      const { type, message: reason } = reasonOf(error);
      logger.warn({ source: source.name, message: message.id, type }, 'a message is no job that could run');
      return source.aside(message, `${type}: ${reason}`);
    }
    logger.warn({ err: error, source: source.name, message: message.id }, 'a job could not be started; it comes again');
    return;
  }
  await source.done(message);
}
