import { Places, type ObjectInfo } from '../../storage';
import { dropUnfinished, isBrokenOff, isOlder, takeEmpty } from './broken-off';
import { openSources, placeOf } from './runs';
import { outputFiles, takeFiles, type StepContext } from './step';

/** Files that are compared with the open jobs together. */
const CHUNK = 500;

/** Removes uploads that are older than the configured age and the source of no open job, and what broken-off ones left. */
export async function cleanUploads(step: StepContext): Promise<void> {
  const { deps, findings, now } = step;
  const { outputs, uploads } = new Places(deps.config);
  const { uploadsAge } = deps.config;
  // The step of the outputs finds empty folders and uploads in parts below them.
  const isElsewhere = !`${uploads}/`.startsWith(`${outputs}/`);
  const onEmpty = isElsewhere ? (uri: string, modified: number) => takeEmpty(step, uri, modified) : undefined;
  let old: ObjectInfo[] = [];
  for await (const info of outputFiles(step, uploads, onEmpty)) {
    if (isBrokenOff(step, info)) await takeFiles(step, [info]);
    else if (uploadsAge !== undefined && isOlder(info, now - uploadsAge)) old.push(info);
    if (old.length < CHUNK) continue;
    await takeUnused(step, old);
    old = [];
    findings.passed(info.uri);
  }
  await takeUnused(step, old);
  if (isElsewhere) await dropUnfinished(step, uploads);
  if (uploadsAge === undefined) findings.note('Uploads are kept for ever: DARKROOM_UPLOADS_AGE is not set.');
}

/** The jobs are asked for anew each time: one may have begun since the last look. */
async function takeUnused(step: StepContext, files: readonly ObjectInfo[]): Promise<void> {
  if (files.length === 0) return;
  const used = await openSources(step.client, () => step.findings.passed(undefined));
  const unused = files.filter(({ uri }) => !used.has(placeOf(uri) ?? uri));
  if (unused.length > 0) await takeFiles(step, unused);
}
