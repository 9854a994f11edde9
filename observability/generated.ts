import { ruleFiles } from './generate/files';
import { metricsPage } from './generate/metrics-page';
import { dashboardFiles } from './grafana';

/** Every committed file that is made from sources, by its path from the root. A test keeps them in step. */
export function generatedFiles(): Record<string, string> {
  const files: Record<string, string> = { 'docs/operations/metrics.md': metricsPage() };
  for (const [name, text] of Object.entries(ruleFiles())) files[`observability/rules/${name}`] = text;
  for (const [name, text] of Object.entries(dashboardFiles())) files[`observability/dashboards/${name}`] = text;
  return files;
}
