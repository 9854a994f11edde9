/** Told what is going on, a line at a time: set-up steps take minutes, and silence looks like a hang. */
export type Report = (line: string) => void;

/** A tool or service that a command needs and cannot get; the message says how to mend it. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

export const toStderr: Report = (line) => process.stderr.write(`${line}\n`);

/** What to print for an error: its sentence when we wrote it for a person, else with its stack. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof SetupError || error.name === 'ConfigError' ? error.message : (error.stack ?? error.message);
}
