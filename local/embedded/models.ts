import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import { hasModels } from '../../models/runtime';
import { SetupError } from './report';

/** Installs what models need, where that has not been done. @throws SetupError */
export function ensureModels(report: (line: string) => void): void {
  if (hasModels()) return;
  report('The preset asks models, which are not installed here yet: installing them');
  const script = path.join(projectRoot(), 'scripts', 'setup', 'models.mjs');
  const { status } = spawnSync(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 || !hasModels())
    throw new SetupError('The models could not be installed; "npm run models" says why.');
}
