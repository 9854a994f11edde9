import { stringify } from 'yaml';
import { burnRateRules } from './burn-rates';
import { CAUSES } from './causes';
import { readObjectives } from './objectives';
import { recordingRules } from './recording';
import { runbookPath, type RuleFile } from './rule';

export interface RuleOptions {
  /** Every `for:` is so many times shorter: the alert drill does not wait minutes. Default 1. */
  faster?: number;
}

/** The rule files by name, as they lie in `observability/rules/`. */
export function ruleFiles(options: RuleOptions = {}): Record<string, string> {
  const files = {
    'figures.yaml': recordingRules(),
    'causes.yaml': causeRules(),
    'slo.yaml': burnRateRules(readObjectives()),
  };
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, HEADER + stringify(hurried(file, options.faster ?? 1), LAYOUT)]),
  );
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

function hurried(file: RuleFile, faster: number): RuleFile {
  if (faster === 1) return file;
  const groups = file.groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) =>
      'for' in rule && rule.for !== undefined
        ? { ...rule, for: `${Math.ceil((inSeconds(rule.for) / faster) * 1000)}ms` }
        : rule,
    ),
  }));
  return { groups };
}

function inSeconds(duration: string): number {
  const unit = { s: 1, m: 60, h: 3600 }[duration.slice(-1)] ?? 1;
  return Number(duration.slice(0, -1)) * unit;
}
