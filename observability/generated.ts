import { ruleFiles } from './generate/files';
import { metricsPage } from './generate/metrics-page';

/** Every committed file that is made from sources, by its path from the root. A test keeps them in step. */
export function generatedFiles(): Record<string, string> {
  const files: Record<string, string> = { 'docs/operations/metrics.md': metricsPage() };
  for (const [name, text] of Object.entries(ruleFiles())) files[`observability/rules/${name}`] = text;
  return files;
}
