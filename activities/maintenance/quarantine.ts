import { text } from 'node:stream/consumers';
import type { ObjectInfo, Storage } from '../../storage';
import { outputFiles, type StepContext } from './step';

/** Bytes; evidence is capped far below. */
const MAX_EVIDENCE = 1024 * 1024;

/** Removes `quarantine.json` where it is older than the configured age and is Darkroom's. */
export async function cleanQuarantine(step: StepContext): Promise<void> {
  const { deps, findings, now, pulse } = step;
  const before = now - deps.config.quarantineAge;
  for await (const info of outputFiles(step)) {
    const { uri, bytes, modified = now } = info;
    if (!uri.endsWith('/quarantine.json') || modified >= before) continue;
    if (!(await isEvidence(deps.storage, info))) continue;
    pulse.throwIfOver();
    await findings.take(uri, bytes, () => deps.storage.remove(uri));
  }
}

/** Has the file what `keepEvidence` writes? Anything else of that name is somebody's own. */
async function isEvidence(storage: Storage, { uri, bytes }: ObjectInfo): Promise<boolean> {
  if (bytes > MAX_EVIDENCE) return false;
  const { stream } = await storage.openRead(uri);
  try {
    const found = JSON.parse(await text(stream)) as Record<string, unknown> | null;
    return ['source', 'batchId', 'itemKey', 'at', 'evidence'].every((name) => found?.[name] !== undefined);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
