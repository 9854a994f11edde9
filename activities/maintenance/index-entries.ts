import { Places } from '../../storage';
import { isEntryValid } from '../made-index';
import { outputFiles, type StepContext } from './step';

/** Removes entries of the index of finished work that lead to no manifest any more, or to one of another source. */
export async function cleanIndex(step: StepContext): Promise<void> {
  const { deps, findings, now, pulse } = step;
  const { index } = new Places(deps.config);
  const before = now - deps.config.maintenanceGrace;
  for await (const { uri, bytes, modified = now } of outputFiles(step, index)) {
    if (!uri.endsWith('.json') || modified >= before || (await isEntryValid(deps.storage, uri))) continue;
    pulse.throwIfOver();
    await findings.take(uri, bytes, () => deps.storage.remove(uri));
  }
}
