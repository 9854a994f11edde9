import type { ObjectInfo } from '../../storage';
import type { StepContext } from './step';

/** Least age of what may still be written to: temporary files, and uploads to S3 in parts. */
const WRITTEN_MS = 86_400_000;

/** ms since 1970: what was begun before is written to no more. */
export function brokenOffBefore({ deps, now }: StepContext): number {
  return now - Math.max(deps.config.maintenanceGrace, WRITTEN_MS);
}

/**
 * What a store has beside files while they are written: one without a name of its own yet, a part of an upload, and the lock
 * of a manifest.
 */
const BESIDE =
  /\/\.(?:[^/]+\.[0-9a-f]{12}\.part|parts-[0-9a-f]{32}\/[^/]+\/\d{16}|manifest\.json\.lock(?:\.[0-9a-f]{12})?)$/;

/** Is it such a file, whose writer was killed? */
export function isBrokenOff(step: StepContext, info: ObjectInfo): boolean {
  return BESIDE.test(info.uri) && isOlder(info, brokenOffBefore(step));
}

/** A file without a date is never old. */
export function isOlder({ modified }: ObjectInfo, than: number): boolean {
  return modified !== undefined && modified < than;
}

/** Counts a folder that has nothing in it, and removes it in a cleanup: a writer that was killed may have made it. */
export async function takeEmpty(step: StepContext, uri: string, modified: number): Promise<void> {
  const { deps, findings } = step;
  if (modified < brokenOffBefore(step)) await findings.take(`${uri}/`, 0, () => deps.storage.removeEmpty(uri));
}

/** Gives up the uploads to S3 in parts that were begun below a prefix and never ended. */
export async function dropUnfinished(step: StepContext, below: string): Promise<void> {
  const { deps, findings, pulse } = step;
  const before = brokenOffBefore(step);
  for await (const { uri, startedAt, discard } of deps.storage.unfinished(below)) {
    pulse.throwIfOver();
    if (startedAt < before) await findings.take(`${uri} (unfinished upload)`, 0, discard);
  }
}
