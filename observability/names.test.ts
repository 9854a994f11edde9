/** Dashboards and rules speak only of metrics that exist, and every panel helps whoever looks at it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { METRICS } from '../common/metrics';
import { projectRoot } from '../common/paths';
import { ruleFiles } from './generate/files';
import { runbookPath, type RuleFile } from './generate/rule';
import { DASHBOARDS } from './grafana';

const rules = Object.values(ruleFiles()).flatMap((text) =>
  (parse(text) as RuleFile).groups.flatMap((group) => group.rules),
);
const recorded = rules.flatMap((rule) => ('record' in rule ? [rule.record] : []));
const known = new Set([
  ...Object.entries(METRICS).flatMap(([name, { type }]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
  ),
  ...recorded,
]);

/** Names of ours in a query: the table's, and recorded ones. Node's and the SDK's are not ours to promise. */
function ourNames(expr: string): string[] {
  return expr.match(/\b(?:darkroom[_:]|http_|slo:|messages?_)[a-z0-9_:]+/g) ?? [];
}

const panels = DASHBOARDS.flatMap(({ title, rows }) =>
  Object.values(rows)
    .flat()
    .map((panel) => ({ ...panel, name: `${title} / ${panel.title}` })),
);

test.each(panels)('$name: known names, a meaning, a runbook', ({ queries, bad, runbook }) => {
  expect(
    Object.values(queries)
      .flatMap(ourNames)
      .filter((name) => !known.has(name)),
  ).toEqual([]);
  expect(bad.length).toBeGreaterThan(30);
  expect(existsSync(path.join(projectRoot(), runbookPath(runbook)))).toBe(true);
});

test('rules speak of known names only', () => {
  const unknown = rules.flatMap(({ expr }) => ourNames(expr)).filter((name) => !known.has(name));
  expect(unknown).toEqual([]);
});
