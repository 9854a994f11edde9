import type { CauseOfDeath } from '../common/death';

/** Why there is no analysis, for the person who sent the file. */
export function sentenceOf(cause: CauseOfDeath, { timeoutMs, bytes }: { timeoutMs: number; bytes: number }): string {
  switch (cause) {
    case 'timeout':
      return `The analysis took longer than ${timeoutMs / 1000} s and was stopped.`;
    case 'memory':
      return `The analysis took more than ${Math.round(bytes / 2 ** 20)} MiB of memory and was stopped.`;
    case 'oom':
      return 'The machine ran out of memory during the analysis.';
    case 'killed':
      return 'The process of the model was killed from outside.';
    case 'crash':
    case 'exit':
      return 'The model crashed on this file.';
  }
}
