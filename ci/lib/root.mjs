import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Reports of the last run: JSON for the summary, JUnit for the pipeline's page. */
export const reports = path.join(root, '.darkroom', 'ci');

/** Exit code of a script that had nothing to work with: a skip on a laptop, a failure in the pipeline. */
export const SKIPPED = 77;

/** True when the module was started as a command. */
export function isMain(moduleUrl) {
  return process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(moduleUrl);
}
