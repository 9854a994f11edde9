import type { WorkItem } from '../common/contracts';
import type { ErrorDetails } from '../common/errors';
import { runAttempt } from './attempt';
import type { ActivityDeps } from './deps';

/**
 * Keeps the evidence against an input that killed its decoder twice, as `quarantine.json` where its outputs would be.
 * The source itself stays where it is: it is the user's.
 */
export function quarantine(deps: ActivityDeps, item: WorkItem, evidence: ErrorDetails): Promise<void> {
  return runAttempt(deps, item, async () => {
    const report = {
      source: item.source,
      batchId: item.batchId,
      itemKey: item.itemKey,
      at: new Date().toISOString(),
      evidence,
    };
    await deps.storage.writeText(`${item.output}/quarantine.json`, JSON.stringify(report, null, 2), 'application/json');
  });
}
