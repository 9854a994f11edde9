/** What is committed is what the sources make, and the tools that will read it accept it. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../common/paths';
import { generatedFiles } from './generated';
import type { RuleFile } from './generate/rule';
import { hasTool, runTool } from './tools';

const at = (name: string): string => path.join(projectRoot(), name);
const files = Object.entries(generatedFiles());

test.each(files)('%s is in step; `npm run observability` writes it', (name, text) => {
  expect(readFileSync(at(name), 'utf8')).toBe(text);
});

const rules = files.filter(([name]) => name.startsWith('observability/rules/'));

(hasTool('promtool') ? test : test.skip)('Prometheus accepts every rule', async () => {
  const output = await runTool('promtool', ['check', 'rules', ...rules.map(([name]) => at(name))]);
  expect(output).not.toMatch(/FAILED|duplicate/);
});

const alerts = rules
  .flatMap(([, text]) => (parse(text) as RuleFile).groups.flatMap((group) => group.rules))
  .flatMap((rule) => ('alert' in rule ? [rule] : []));

test.each([...new Map(alerts.map((alert) => [alert.alert, alert])).values()])(
  '$alert has a runbook that says what it means and what to do',
  ({ alert, annotations }) => {
    const file = at(annotations['runbook'] ?? '');
    expect(existsSync(file)).toBe(true);
    const page = readFileSync(file, 'utf8');
    expect(page).toMatch(new RegExp(`^# ${alert}\n`));
    for (const heading of ['## What it means', '## Look', '## Mend']) expect(page).toContain(heading);
  },
);

describe('Alertmanager', () => {
  const config = at('observability/alertmanager/alertmanager.yaml');
  const check = hasTool('amtool') ? test : test.skip;

  check('accepts its configuration', async () => {
    expect(await runTool('amtool', ['check-config', config])).toContain('SUCCESS');
  });

  check.each([
    ['page', 'page'],
    ['ticket', 'ticket'],
  ])('sends severity %s to %s', async (severity, receiver) => {
    const labels = ['alertname=X', `severity=${severity}`];
    const args = ['config', 'routes', 'test', `--config.file=${config}`, `--verify.receivers=${receiver}`, ...labels];
    expect(await runTool('amtool', args)).toMatch(new RegExp(`^${receiver}\n`));
  });

  test('its rules name only alerts that exist', () => {
    const { inhibit_rules } = parse(readFileSync(config, 'utf8')) as {
      inhibit_rules: { source_matchers: string[]; target_matchers: string[] }[];
    };
    const named = inhibit_rules
      .flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers])
      .flatMap((matcher) => /"(.+)"/.exec(matcher)?.[1]?.split('|') ?? []);
    const known = alerts.map(({ alert }) => alert);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});
