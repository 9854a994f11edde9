/** What making files cost, as manifests say. Types only: workflows import this file. */

/** A command that ran for an attempt. */
export interface CommandFacts {
  /** Program and arguments. Paths are replaced: `{source}`, `{work}` for the scratch folder, `{path}` for others. */
  argv: string[];
  /** Of user and system. Absent where the system does not say (no Linux). */
  cpuSeconds?: number;
  /** The most resident memory that was seen, bytes; absent where the process was gone too soon. */
  peakBytes?: number;
}

/** What one attempt of an activity cost. Several files that come from one decode share one. */
export interface Receipt {
  /** Lower-case hex; absent where the attempt did not read the source. */
  sourceSha256?: string;
  activity: string;
  /** From 1. Attempts that failed before have no receipt. */
  attempt: number;
  /** `process@host`, as Temporal shows it. */
  worker: string;
  /** Of the child processes alone, summed. */
  cpuSeconds: number;
  /** Of the largest child process, bytes; 0 where none was seen. */
  peakBytes: number;
  commands: CommandFacts[];
  /** Versions of programs and libraries. */
  tools: Record<string, string>;
}
