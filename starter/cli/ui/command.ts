import { CommanderError } from 'commander';
import { DarkroomError } from '../../../common/errors';
import { messageOf, SetupError } from '../../../local/embedded/report';
import { UsageError } from '../../inputs';
import { DarkroomApiError } from '../../../client';
import { grpcCode, rootMessage } from '../../../temporal/grpc';
import { printableText } from './format';

/** Somebody pressed Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs a command to its exit code. The first Ctrl-C aborts the signal, so that it can end in order; the second one ends
 * the process at once. Whatever goes wrong is told in words on stderr, never as a stack.
 */
export function runCommand(main: (stop: AbortSignal) => Promise<number>): void {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort(new Interrupted('interrupted'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Whoever reads our output may leave early (`… | head`); that is no failure of ours.
  for (const out of [process.stdout, process.stderr]) out.on('error', () => {});
  main(stop.signal).then(
    (code) => process.exit(code),
    (error: unknown) => {
      if (error instanceof CommanderError && error.exitCode === 0) process.exit(EXIT.ok);
      const code = exitCodeOf(error);
      process.stderr.write(`${describeError(error)}\n`);
      process.exit(code);
    },
  );
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  const isUsage = error instanceof UsageError || error instanceof CommanderError;
  return isUsage || (error instanceof Error && error.name === 'ConfigError') ? EXIT.usage : EXIT.failed;
}

/** One line for a mistake in what was typed; else the sentence that the error carries. */
export function describeError(error: unknown): string {
  if (error instanceof Interrupted) return 'Stopped. The same command again goes on with what is missing.';
  if (error instanceof CommanderError)
    return printableText(error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '));
  if (error instanceof UsageError || error instanceof DarkroomApiError) return printableText(error.message);
  if (error instanceof DarkroomError) return printableText(error.message);
  if (error instanceof SetupError || (error instanceof Error && error.name === 'ConfigError')) return messageOf(error);
  if (grpcCode(error) !== undefined) return `Temporal refused the call: ${printableText(rootMessage(error))}`;
  return `Something unexpected went wrong: ${printableText(rootMessage(error))}`;
}
