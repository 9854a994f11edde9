import { z } from 'zod';
import { DarkroomError, isErrorType, type ErrorDetails, type ErrorType } from './errors';

/** What a worker's process and its child processes say to each other: paths in, results out, never bytes. */

/** Parent to child. */
export interface Request<Task> {
  id: number;
  task: Task;
}

/** Child to parent; an error crosses as its parts, since classes do not survive the channel. */
export type Reply<Outcome> =
  | { id: number; ok: true; outcome: Outcome }
  | { id: number; ok: false; error: { type: ErrorType; message: string; details: ErrorDetails } };

/** Text that a child may send. */
export const replyText = z.string().max(10_000);

const error = z.object({
  type: z.custom<ErrorType>(isErrorType),
  message: replyText,
  details: z.record(replyText, z.union([z.string(), z.number(), z.boolean()]).optional()),
});

/** Reads a child's answer: undefined for one that makes no sense, since a decoder that was taken over may send anything. */
export function replyReader<Outcome>(outcome: z.ZodType<Outcome>): (received: unknown) => Reply<Outcome> | undefined {
  const reply = z.union([
    z.object({ id: z.int(), ok: z.literal(true), outcome }),
    z.object({ id: z.int(), ok: z.literal(false), error }),
  ]) as z.ZodType<Reply<Outcome>>;
  return (received) => reply.safeParse(received).data;
}

/**
 * The main loop of a child process: answers each request of its parent, one at a time, and is gone when the parent is.
 * @param fault the sentence for an error that is no DarkroomError
 */
export function serveTasks<Task, Outcome>(work: (task: Task) => Promise<Outcome>, fault: string): void {
  // A terminal's Ctrl-C and a supervisor's TERM reach the whole group; the parent decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // The parent is gone. `exit` would wait for the thread that works; nobody wants its result any more.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.on('message', ({ id, task }: Request<Task>) => {
    const answer = work(task).then(
      (outcome): Reply<Outcome> => ({ id, ok: true, outcome }),
      (error: unknown): Reply<Outcome> => ({ id, ok: false, error: parts(error, fault) }),
    );
    void answer.then((reply) => process.send?.(reply));
  });
}

function parts(error: unknown, fault: string): Extract<Reply<never>, { ok: false }>['error'] {
  if (error instanceof DarkroomError) return { type: error.type, message: error.message, details: error.details };
  const details = { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  return { type: 'EncoderFailed', message: fault, details };
}
