import type { WorkItem } from '../common/contracts';
import type { ErrorDetails } from '../common/errors';
import { runAttempt } from './attempt';
import { keepEvidence } from './deaths/evidence';
import type { ActivityDeps } from './deps';

/** Keeps the evidence against an input that killed its decoder twice. */
export function quarantine(deps: ActivityDeps, item: WorkItem, evidence: ErrorDetails): Promise<void> {
  return runAttempt(deps, item, () => keepEvidence(deps.storage, item, evidence));
}
