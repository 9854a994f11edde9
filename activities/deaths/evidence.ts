import type { WorkItem } from '../../common/contracts';
import { DarkroomError, type ErrorDetails } from '../../common/errors';
import type { Storage } from '../../storage';
import type { Death } from './rules';

/**
 * Keeps the evidence against an input, as `quarantine.json` where its outputs would be. The source itself stays where it
 * is: it is the user's.
 */
export async function keepEvidence(
  storage: Pick<Storage, 'writeText'>,
  item: WorkItem,
  evidence: ErrorDetails | { deaths: Death[] },
): Promise<void> {
  const { source, batchId, itemKey, output } = item;
  const report = { source, batchId, itemKey, at: new Date().toISOString(), evidence };
  await storage.writeText(`${output}/quarantine.json`, JSON.stringify(report, null, 2), 'application/json');
}

/** What an input deserves that ended worker after worker, its evidence kept. */
export async function quarantined(storage: Storage, item: WorkItem, deaths: Death[]): Promise<DarkroomError> {
  await keepEvidence(storage, item, { deaths });
  const alone = deaths.filter((death) => death.alone).length;
  const last = deaths.at(-1);
  return new DarkroomError(
    'Quarantined',
    `${deaths.length} workers died while they worked on the file, ${alone} of them while they did nothing else, so it was put into quarantine.`,
    { reason: 'worker', deaths: deaths.length, deathsAlone: alone, step: last?.step, seconds: last?.seconds },
  );
}
