import { DarkroomError } from '../../common/errors';
import { createJobQueue } from '../../net/job-queues';
import type { StepContext } from './step';

/** Dead letters of the queue of jobs are counted, and replayed or dropped by choice; what nobody finished is sent again. */
export async function cleanQueue({ deps, findings, deadLetters, pulse }: StepContext): Promise<void> {
  let reason: string | undefined;
  const queue = createJobQueue(deps.config, (error) => (reason = error.message));
  if (queue === undefined)
    return findings.note('No queue of jobs is configured for this worker (DARKROOM_JOB_SOURCE).');
  let letters = 0;
  try {
    for await (const letter of queue.deadLetters()) {
      pulse.throwIfOver();
      letters++;
      await findings.take(letter.name, letter.bytes, deadLetters === 'keep' ? undefined : letter[deadLetters]);
    }
    for await (const { name, bytes, clear } of queue.leftovers()) {
      pulse.throwIfOver();
      await findings.take(name, bytes, clear);
    }
  } catch (error) {
    if (error instanceof DarkroomError || pulse.signal.aborted) throw error;
    reason ??= error instanceof Error ? error.message : String(error);
    throw new DarkroomError('StorageUnavailable', `The queue of jobs does not answer: ${reason}`);
  } finally {
    await queue.close();
  }
  if (letters > 0 && deadLetters === 'keep') {
    findings.note(`${letters} dead letters wait for a decision: --dead-letters replay or drop.`);
  }
}
