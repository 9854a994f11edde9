import type { Blame } from './errors';

/**
 * Why a process that read an input ended before its work was done.
 * - `crash`: by a signal that a program's own fault raises, or by a limit of the kernel that was set for it
 * - `memory`, `timeout`: Darkroom ended the process, because the work took more memory or time than is allowed
 * - `oom`: the kernel killed it, because the machine or the container had no memory left
 * - `killed`: another process killed it, for example an operator or a supervisor
 * - `exit`: it ended by itself, with an exit code
 */
export type CauseOfDeath = 'crash' | 'memory' | 'timeout' | 'oom' | 'killed' | 'exit';

/**
 * Whether a death counts against the input. What depends on the machine and its other work does not: the sum of many
 * items may exhaust the memory, and an operator may kill any process. An exit code is a fault of Darkroom or its tools.
 */
export const BLAME_OF_DEATH: Record<CauseOfDeath, Blame> = {
  crash: 'input',
  memory: 'input',
  timeout: 'input',
  oom: 'system',
  killed: 'system',
  exit: 'system',
};

/** Signals that only an outsider sends: a program's own faults and limits raise others. */
const FROM_OUTSIDE = new Set<NodeJS.Signals>([
  'SIGKILL',
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
]);

/**
 * Why a process ended that Darkroom did not end.
 * @param signal null when it ended with an exit code
 * @param oom the kernel has killed a process for want of memory meanwhile
 */
export function causeOfDeath(signal: NodeJS.Signals | null, oom: boolean): CauseOfDeath {
  if (signal === null) return 'exit';
  // The CPU limit.
  if (signal === 'SIGXCPU') return 'timeout';
  if (!FROM_OUTSIDE.has(signal)) return 'crash';
  return oom && signal === 'SIGKILL' ? 'oom' : 'killed';
}
