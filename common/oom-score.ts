import { readFileSync, writeFileSync } from 'node:fs';

/** Of 1000. A worker in a container may have some hundreds of its own. */
const MORE_THAN_OURS = 500;

/**
 * Where memory runs out, the kernel shall take this child and not the worker above it. Raising the score needs no right; the
 * child's own children inherit the score. Nothing is lost where there is no /proc or the child has ended.
 */
export function takeFirst(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    const ours = Number(readFileSync('/proc/self/oom_score_adj', 'latin1'));
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(Math.min(1000, ours + MORE_THAN_OURS)));
  } catch {
    // Not Linux, not allowed, or gone.
  }
}
