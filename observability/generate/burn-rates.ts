import { budgetOf, type Objective } from './objectives';
import { runbookPath, type AlertRule, type RecordingRule, type RuleFile, type Severity } from './rule';

/**
 * How fast the budget of 30 days may burn before somebody is told (Google's SRE workbook, chapter 5). The long window
 * says that it matters, the short one that it still goes on, so that the alert ends soon after the trouble.
 */
interface Pace {
  severity: Severity;
  factor: number;
  long: string;
  short: string;
}

const PACES: readonly Pace[] = [
  { severity: 'page', factor: 14.4, long: '1h', short: '5m' },
  { severity: 'page', factor: 6, long: '6h', short: '30m' },
  { severity: 'ticket', factor: 1, long: '3d', short: '6h' },
];

/** A short spike is over before somebody could look. */
const FOR: Record<Severity, string> = { page: '2m', ticket: '1h' };

const WINDOWS = ['5m', '30m', '1h', '6h', '3d', '30d'] as const;

/** Recording rules for every window, the budget left, and the alerts. */
export function burnRateRules(objectives: Objective[]): RuleFile {
  return {
    groups: objectives.map((objective) => ({
      name: `slo-${objective.name}`,
      rules: [
        ...WINDOWS.flatMap((window) => windowRules(objective, window)),
        budgetLeft(objective),
        ...alerts(objective),
      ],
    })),
  };
}

function windowRules(objective: Objective, window: string): RecordingRule[] {
  const labels = { slo: objective.name };
  const over = (expr: string): string => expr.replaceAll('[WINDOW]', `[${window}]`);
  return [
    { record: `slo:events:increase${window}`, expr: over(objective.total), labels },
    {
      // Without events there is no share, rather than a perfect one; a counter that appeared late can give a little less than 0.
      record: `slo:error_ratio:increase${window}`,
      expr: `clamp_min(${over(objective.bad)}, 0) / (${over(objective.total)} > 0)`,
      labels,
    },
  ];
}

/** 1: untouched, 0: used up, below: broken. */
function budgetLeft(objective: Objective): RecordingRule {
  return {
    record: 'slo:budget_left:ratio30d',
    expr: `1 - slo:error_ratio:increase30d{slo="${objective.name}"} / ${budgetOf(objective)}`,
    labels: { slo: objective.name },
  };
}

function alerts(objective: Objective): AlertRule[] {
  return (['page', 'ticket'] as const)
    .filter((severity) => severity === 'ticket' || objective.response === 'page')
    .map((severity) => {
      const paces = PACES.filter((pace) => pace.severity === severity);
      const alert = severity === 'page' ? 'BudgetBurnsFast' : 'BudgetBurnsSlowly';
      return {
        alert,
        expr: paces.map((pace) => burning(objective, pace)).join('\nor\n'),
        for: FOR[severity],
        labels: { severity, slo: objective.name },
        annotations: {
          summary: `${objective.name}: the error budget of 30 days burns too fast ({{ $value | humanizePercentage }} bad).`,
          description: objective.why.trim(),
          runbook: runbookPath(alert),
        },
      };
    });
}

function burning(objective: Objective, { factor, long, short }: Pace): string {
  const limit = Number((factor * budgetOf(objective)).toFixed(6));
  const slo = `{slo="${objective.name}"}`;
  return [
    `(slo:error_ratio:increase${long}${slo} > ${limit}`,
    ` and slo:error_ratio:increase${short}${slo} > ${limit}`,
    ` and slo:events:increase${long}${slo} >= ${objective.events})`,
  ].join('\n');
}
