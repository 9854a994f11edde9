/** Every alert, on Prometheus's own engine: fires when it should, alone; stays quiet near it; quiet while scaled to zero. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { CAUSE_CASES, OBJECTIVE_SERIES, SCALED_TO_ZERO } from './cases';
import { CAUSES } from './generate/causes';
import { ruleFiles } from './generate/files';
import { readObjectives } from './generate/objectives';
import type { RuleFile } from './generate/rule';
import { hasTool, inTemporaryFolder, runTool } from './tools';

const check = hasTool('promtool') ? test : test.skip;

/** One situation: series with a sample a minute, when it is looked (in minutes), and every alert that fires then. */
interface Situation {
  name: string;
  series: Record<string, string>;
  at: number;
  firing: { alertname: string; slo?: string }[];
}

const groups = Object.values(ruleFiles()).flatMap((text) => (parse(text) as RuleFile).groups);

/** Runs promtool once for all of them, since each start costs a moment; only with the groups of rules that `wanted` names. */
async function judge(wanted: RegExp, situations: Situation[]): Promise<void> {
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

check('nothing fires while scaled to zero', () =>
  judge(/./, [{ name: 'scaled to zero', series: SCALED_TO_ZERO, at: 70, firing: [] }]),
);

test('each cause has its cases', () => {
  expect(Object.keys(CAUSE_CASES).sort()).toEqual(CAUSES.map(({ alert }) => alert).sort());
});

check('each cause fires alone, and stays quiet near it', () =>
  judge(
    /^darkroom-/,
    Object.entries(CAUSE_CASES).flatMap(([alertname, { fires, quiet }]) => [
      { name: `${alertname} fires`, series: fires, at: 40, firing: [{ alertname }] },
      { name: `${alertname} stays quiet`, series: quiet, at: 40, firing: [] },
    ]),
  ),
);

check.each(readObjectives())('$name: pages, writes tickets and stays quiet as its budget burns', (objective) => {
  const { name: slo, response } = objective;
  const budget = 100 - objective.objective;
  /** 100 events a minute, of which so many times the budget are bad. */
  const burn = (factor: number): Record<string, string> =>
    OBJECTIVE_SERIES[slo]!(100 - budget * factor, budget * factor, 400);
  const fast = { alertname: 'BudgetBurnsFast', slo };
  const slow = { alertname: 'BudgetBurnsSlowly', slo };
  return judge(new RegExp(`^slo-${slo}$`), [
    { name: '16 times the budget', series: burn(16), at: 20, firing: response === 'page' ? [fast] : [] },
    { name: 'twice the budget, for hours', series: burn(2), at: 150, firing: [slow] },
    { name: 'half the budget', series: burn(0.5), at: 150, firing: [] },
    { name: 'a few bad events', series: OBJECTIVE_SERIES[slo]!(0, 0.1, 60), at: 59, firing: [] },
  ]);
});
