import type { Manifest } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import { Places, type ObjectInfo } from '../../storage';
import { writtenBy, type Written } from '../names';
import { isNamed, manifestIn, pathOf } from '../removal';
import { dropUnfinished, isBrokenOff, isOlder, takeEmpty } from './broken-off';
import { knownRuns, placeOf, type KnownRuns } from './runs';
import { outputFiles, takeFiles, type StepContext } from './step';

/** Files that are judged together, so that the manifest of an item is read once for its files. */
const CHUNK = 500;
/** Item folders at once. */
const AT_ONCE = 8;
const DAY_MS = 86_400_000;
/** Least age of a file whose run the server does not know (any more). No step of a run lasts for longer than a week. */
const UNKNOWN_RUN_MS = 8 * DAY_MS;

interface Candidate extends Written {
  info: ObjectInfo;
  /** URI of the item's folder. */
  folder: string;
}

/**
 * Removes files that a run wrote into an item's folder and that nobody needs. All of this has to hold:
 * - the file has a name that Darkroom makes, and is older than the grace period;
 * - its run is not open, and has closed with this folder as its output before the grace period; or the server does not
 *   know the run, the folder is an item's for sure, and the file is older than any run can be;
 * - the manifest, read after the file was listed, does not name it.
 */
export async function cleanStore(step: StepContext): Promise<void> {
  const { deps, findings, now, client } = step;
  const least = now - deps.config.maintenanceGrace;
  const runs = await knownRuns(client, least, placeOf, () => findings.passed(undefined));
  let chunk: Candidate[] = [];
  for await (const info of outputFiles(step, undefined, (uri, modified) => takeEmpty(step, uri, modified))) {
    const candidate = candidateOf(info);
    if (candidate !== undefined && isOlder(info, least) && !runs.isOpen(candidate.run)) chunk.push(candidate);
    else if (isBrokenOff(step, info)) await takeFiles(step, [info]);
    if (chunk.length < CHUNK) continue;
    await judge(step, chunk, runs);
    chunk = [];
    findings.passed(info.uri);
  }
  await judge(step, chunk, runs);
  await dropUnfinished(step, new Places(deps.config).outputs);
}

async function judge(step: StepContext, chunk: Candidate[], runs: KnownRuns): Promise<void> {
  const { storage, config } = step.deps;
  const tooOld = step.now - Math.max(config.maintenanceGrace, UNKNOWN_RUN_MS);
  const folders = new Map<string, Candidate[]>();
  for (const file of chunk) folders.set(file.folder, [...(folders.get(file.folder) ?? []), file]);
  const unneeded: ObjectInfo[] = [];
  await forEachBounded(folders, AT_ONCE, async ([folder, files]) => {
    const manifest = await manifestIn(storage, folder);
    unneeded.push(...files.filter((file) => isUnneeded(file, manifest, runs, tooOld)).map(({ info }) => info));
  });
  await takeFiles(step, unneeded);
}

function isUnneeded(file: Candidate, manifest: Manifest | undefined, runs: KnownRuns, tooOld: number): boolean {
  if (manifest !== undefined && isNamed(manifest, file.path)) return false;
  if (runs.isClosed(file.run, file.folder)) return true;
  // Without a manifest an output may be a copy that somebody made.
  const isOfItem = file.isIntermediate || manifest !== undefined;
  return isOfItem && isOlder(file.info, tooOld);
}

function candidateOf(info: ObjectInfo): Candidate | undefined {
  const written = writtenBy(pathOf(info.uri));
  if (written === undefined) return undefined;
  const folder = info.uri.split('/').slice(0, -written.path.split('/').length).join('/');
  return { ...written, info, folder };
}
