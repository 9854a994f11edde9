import { Document, visit } from 'yaml';
import { burnRateRules } from './burn-rates';
import { CAUSES } from './causes';
import { readObjectives } from './objectives';
import { recordingRules } from './recording';
import { runbookPath, type RuleFile } from './rule';

/** The rule files by name, as they lie in `observability/rules/`. */
export function ruleFiles(): Record<string, string> {
  const files = {
    'figures.yaml': recordingRules(),
    'causes.yaml': causeRules(),
    'slo.yaml': burnRateRules(readObjectives()),
  };
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, HEADER + toYaml(file)]));
}

const HEADER =
  '# Made by `npm run observability` from observability/slo.yaml and observability/generate. Do not edit.\n';
const LAYOUT = { lineWidth: 0, aliasDuplicateObjects: false };

function causeRules(): RuleFile {
  const rules = CAUSES.map(({ alert, expr, severity, summary, for: hold }) => ({
    alert,
    expr,
    for: hold,
    labels: { severity },
    annotations: { summary, runbook: runbookPath(alert) },
  }));
  return { groups: [{ name: 'darkroom-causes', rules }] };
}

/** Each `help` becomes a comment above its rule. */
function toYaml(file: RuleFile): string {
  const document = new Document(file, LAYOUT);
  visit(document, {
    Map(_key, rule) {
      const help = rule.get('help');
      if (typeof help !== 'string') return;
      rule.delete('help');
      rule.commentBefore = ` ${help}`;
    },
  });
  return document.toString(LAYOUT);
}
