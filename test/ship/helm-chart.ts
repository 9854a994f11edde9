import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { projectRoot } from '../../common/paths';
import { describeWhere } from '../support/only-where';

/** A Kubernetes object as it came out of a template; tests look at what they know to be there. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- manifests of a dozen kinds; a type for each would test nothing
export type Manifest = any;

/** What Helm itself would assume depends on how it was built. */
const KUBE_VERSION = ['--kube-version', '1.34.0'];

const hasHelm = spawnSync('helm', ['version']).status === 0;
const REASON = 'helm is not installed, so the charts are not rendered (https://helm.sh)';
export const describeWithHelm = describeWhere(hasHelm, REASON);
export const testWithHelm = hasHelm ? test : test.skip;

export function chartFolder(chart: string): string {
  return path.join(projectRoot(), 'helm', chart);
}

/** Values files of a chart: `values/*.yaml` for environments, `ci/*.yaml` for tests. */
export function valuesFiles(chart: string): string[] {
  return ['values', 'ci'].flatMap((folder) =>
    readdirSync(path.join(chartFolder(chart), folder)).map((name) => path.join(folder, name)),
  );
}

/** Renders a chart. @throws Error with Helm's own words */
export function render(chart: string, values: string[], ...set: string[]): Manifest[] {
  const folder = chartFolder(chart);
  const args = values.flatMap((file) => ['--values', path.join(folder, file)]);
  const sets = set.flatMap((one) => ['--set', one]);
  const text = execFileSync('helm', ['template', chart, folder, ...KUBE_VERSION, ...args, ...sets], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}

export function lint(chart: string, values: string): void {
  const folder = chartFolder(chart);
  execFileSync(
    'helm',
    ['lint', '--strict', '--quiet', ...KUBE_VERSION, folder, '--values', path.join(folder, values)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
}

/** Where pods send traces: the variables, and the rule of the network policy. */
export function tracing(chart: string, values: string[], ...set: string[]): Manifest {
  const manifests = render(chart, values, ...set);
  const { data } = find(manifests, 'ConfigMap', `${chart}-config`);
  const { egress } = find(manifests, 'NetworkPolicy', chart).spec;
  return { collector: data.DARKROOM_TRACES, ratio: data.DARKROOM_TRACE_RATIO, rules: egress.slice(2, -1) };
}

/** The sentence with which a chart refuses values. */
export function refusal(chart: string, values: string[], ...set: string[]): string {
  try {
    render(chart, values, ...set);
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
  return '';
}

export function find(manifests: Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} called ${name}`);
  return found;
}

/** Pods and pod templates of a rendering. */
export function podSpecs(manifests: Manifest[]): Manifest[] {
  return manifests.flatMap((manifest) => {
    if (manifest.kind === 'Pod') return [manifest.spec];
    return manifest.spec?.template?.spec === undefined ? [] : [manifest.spec.template.spec];
  });
}
