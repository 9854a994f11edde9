/** Every alert, on Prometheus's own engine: fires when it should, alone; stays quiet near it; quiet while scaled to zero. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { CAUSE_CASES, endingAtZero, OBJECTIVE_SERIES, SCALED_TO_ZERO } from './cases';
import { ruleFiles } from './generate/files';
import { readObjectives, type Objective } from './generate/objectives';
import type { RuleFile } from './generate/rule';
import { hasTool, inTemporaryFolder, runTool } from './tools';

const check = hasTool('promtool') ? test : test.skip;

interface Alert {
  alertname: string;
  slo?: string;
}

/** One situation: series with a sample a minute, when it is looked (in minutes), and every alert that fires then. */
interface Situation {
  name: string;
  /** What it shows, of which alerts. */
  sort: 'fires' | 'quiet' | 'scaled to zero';
  of: Alert[];
  series: Record<string, string>;
  at: number;
  firing: Alert[];
}

const groups = Object.values(ruleFiles()).flatMap((text) => (parse(text) as RuleFile).groups);

/** Runs promtool once for all of them, since each start costs a moment; only with the groups of rules that `wanted` names. */
async function judge(wanted: RegExp, situations: Omit<Situation, 'sort' | 'of'>[]): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const rules = path.join(folder, 'rules.yaml');
    const suite = path.join(folder, 'test.yaml');
    await writeFile(rules, stringify({ groups: groups.filter(({ name }) => wanted.test(name)) }));
    const tests = situations.map(({ name, series, at, firing }) => ({
      name,
      interval: '1m',
      input_series: Object.entries(series).map(([id, values]) => ({ series: id, values })),
      promql_expr_test: [
        {
          expr: 'count by (alertname, slo) (ALERTS{alertstate="firing"})',
          eval_time: `${at}m`,
          exp_samples: firing.map((labels) => ({ labels: selector(labels), value: 1 })),
        },
      ],
    }));
    await writeFile(suite, stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
    await runTool('promtool', ['test', 'rules', suite]);
  });
}

function selector(labels: object): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}}`;
}

const causes: Situation[] = Object.entries(CAUSE_CASES).flatMap(([alertname, { fires, quiet, zero }]) => {
  const of = [{ alertname }];
  return [
    { name: `${alertname} fires`, sort: 'fires', of, series: fires, at: 40, firing: of },
    { name: `${alertname} stays quiet`, sort: 'quiet', of, series: quiet, at: 40, firing: [] },
    {
      name: `${alertname}, scaled to zero`,
      ...{ sort: 'scaled to zero', of, series: zero ?? endingAtZero(fires), at: 70, firing: [] },
    },
  ];
});

/** An objective's alerts as its budget burns so many times too fast. */
function burning(objective: Objective): Situation[] {
  const { name: slo, response } = objective;
  const budget = 100 - objective.objective;
  /** 100 events a minute, of which so many times the budget are bad. */
  const burn = (factor: number): Record<string, string> =>
    OBJECTIVE_SERIES[slo]!(100 - budget * factor, budget * factor, 400);
  const slow = [{ alertname: 'BudgetBurnsSlowly', slo }];
  // What never pages has no alert for it.
  const fast = response === 'page' ? [{ alertname: 'BudgetBurnsFast', slo }] : [];
  const of = [...fast, ...slow];
  const atZero = endingAtZero(burn(16), 10);
  return [
    { name: '16 times the budget', sort: 'fires', of: fast, series: burn(16), at: 20, firing: fast },
    { name: 'twice the budget, for hours', sort: 'fires', of: slow, series: burn(2), at: 150, firing: slow },
    { name: 'half the budget', sort: 'quiet', of, series: burn(0.5), at: 150, firing: [] },
    { name: 'a few bad events', sort: 'quiet', of, series: OBJECTIVE_SERIES[slo]!(0, 0.1, 60), at: 59, firing: [] },
    // The page ends soon after; the ticket when six hours have nothing of it.
    { name: 'scaled to zero', sort: 'scaled to zero', of: fast, series: atZero, at: 50, firing: [] },
    { name: 'long scaled to zero', sort: 'scaled to zero', of, series: atZero, at: 450, firing: [] },
    { name: 'nobody asks', sort: 'scaled to zero', of, series: OBJECTIVE_SERIES[slo]!(0, 0, 400), at: 150, firing: [] },
  ];
}

const objectives = readObjectives().map((objective) => ({ ...objective, situations: burning(objective) }));

test('every alert has a case of firing, of staying quiet, and of being scaled to zero', () => {
  const situations = [...causes, ...objectives.flatMap((objective) => objective.situations)];
  const alerts = groups.flatMap(({ rules }) =>
    rules.flatMap((rule) => ('alert' in rule ? [{ alertname: rule.alert, slo: rule.labels['slo'] }] : [])),
  );
  const sortsOf = ({ alertname, slo }: Alert): string[] =>
    situations
      .filter(({ of }) => of.some((alert) => alert.alertname === alertname && alert.slo === slo))
      .map(({ sort }) => sort);
  expect(alerts.length).toBeGreaterThan(20);
  for (const alert of alerts) {
    expect([alert, new Set(sortsOf(alert))]).toEqual([alert, new Set(['fires', 'quiet', 'scaled to zero'])]);
  }
});

check('nothing fires while scaled to zero', () =>
  judge(/./, [{ name: 'scaled to zero', series: SCALED_TO_ZERO, at: 70, firing: [] }]),
);

check('each cause fires alone, stays quiet near it, and is over when everything is scaled to zero', () =>
  judge(/^darkroom-/, causes),
);

check.each(objectives)('$name: pages, writes tickets and stays quiet as its budget burns', ({ name, situations }) =>
  judge(new RegExp(`^slo-${name}$`), situations),
);
