import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import { hasModels } from '../../models/runtime';
import { SetupError } from './report';

/** Installs what models need, where that has not been done, or not since its lock file changed. @throws SetupError */
export function ensureModels(): void {
  if (hasModels() && isCurrent()) return;
  const script = path.join(projectRoot(), 'scripts', 'setup', 'models.mjs');
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 || !hasModels())
    throw new SetupError('The models could not be installed; "npm run models" says why.');
}

/** npm writes a list of what it has installed last of all. */
function isCurrent(): boolean {
  const folder = path.join(projectRoot(), 'models', 'runtime');
  const timeOf = (file: string): number => statSync(path.join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return timeOf('node_modules/.package-lock.json') >= timeOf('package-lock.json');
}
