/** `npm run observability`: writes the rule files, the dashboards and the table of metrics from their sources. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { takesNoArguments } from '../common/no-arguments';
import { projectRoot } from '../common/paths';
import { generatedFiles } from './generated';

takesNoArguments('observability', 'Writes the rule files, the dashboards and the table of metrics from their sources.');
for (const [name, text] of Object.entries(generatedFiles())) {
  const file = path.join(projectRoot(), name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`${name}\n`);
}
