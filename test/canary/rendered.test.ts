/** Every environment that can be rendered here, with a canary in every secret: what comes out names files and never values. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { ConfigError, loadConfig } from '../../common/config';
import { projectRoot } from '../../common/paths';
import { testWhere } from '../support/only-where';
import { chartFolder, testWithHelm, valuesFiles } from '../ship/helm-chart';
import { canaries, found, OF_LIBRARIES } from './canaries';

const set = canaries();
const root = projectRoot();
/** Where Terraform's charts are is nobody's default. */
const CHARTS = ['temporal', 'keda', 'external_secrets']
  .map((name) => `${name} = { chart = "./${name}.tgz" }`)
  .join(', ');
const environment = { ...process.env, ...Object.fromEntries(set.map(({ env, value }) => [env, value])) };
const lookAt = (name: string, text: string) => expect(found(set, new Map([[name, text]]))).toEqual([]);

let folder: string;
beforeAll(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-rendered-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** stdout and stderr, and whether it went well. */
function run(command: string, args: string[], cwd = root): { ok: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: environment,
    maxBuffer: 64 * 2 ** 20,
  });
  return { ok: status === 0, text: `${stdout}${stderr}` };
}

describe('the configuration', () => {
  const ours = set.map(({ env }) => env).filter((env) => !OF_LIBRARIES.includes(env));
  test.each(ours)('refuses a file for %s that cannot be read by its name alone', (env) => {
    expect(() => loadConfig({ [`${env}_FILE`]: path.join(folder, 'nothing') })).toThrow(`${env}_FILE names a file`);
  });

  test('takes all of them, by value and by file', () => {
    const files = Object.fromEntries(
      set.map(({ env, value }) => {
        const file = path.join(folder, env);
        writeFileSync(file, `${value}\n`);
        return [`${env}_FILE`, file];
      }),
    );
    expect(loadConfig(files)).toEqual(loadConfig(Object.fromEntries(set.map(({ env, value }) => [env, value]))));
  });

  test('says what is wrong without a value, whatever is wrong', () => {
    const broken = Object.fromEntries(set.map(({ env, value }) => [env, `${value}:${value},${value}`]));
    const text = (() => {
      try {
        loadConfig({ ...broken, LOG_LEVEL: 'loud', S3_ACCESS_KEY_ID: '' });
        return 'nothing was wrong';
      } catch (error) {
        return error instanceof ConfigError ? error.message : 'another error';
      }
    })();
    expect(text).toContain('LOG_LEVEL');
    lookAt('message', text);
  });
});

describe('Compose', () => {
  const compose = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')) as {
    secrets: Record<string, { file: string }>;
  };

  const withCompose = testWhere(run('docker', ['compose', 'version']).ok, 'Docker with Compose is not installed');
  withCompose('with its secret files, rendered', () => {
    for (const name of ['docker-compose.yml', 'deploy', 'observability']) {
      cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
    }
    const files = Object.values(compose.secrets).map(({ file }, index) => {
      const mark = `${set[0]?.marks[0]}${index}`;
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      rmSync(path.join(folder, file), { force: true });
      writeFileSync(path.join(folder, file), mark);
      return mark;
    });
    const images = readFileSync(path.join(root, 'deploy/compose/images.env.example'), 'utf8');
    writeFileSync(path.join(folder, '.env'), images.replace(/^(\w+_IMAGE)=.*$/gm, '$1=image@sha256:0'));
    const { ok, text } = run('docker', ['compose', '--profile', '*', 'config'], folder);
    expect([ok, ok ? '' : text]).toEqual([true, '']);
    for (const mark of files) expect(text).not.toContain(mark);
    lookAt('docker compose config', text);
  });

  test('no variable that is secret has a value in it', () => {
    const text = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8');
    for (const { env } of set) expect(text).not.toMatch(new RegExp(`\\b${env}:`));
  });
});

describe('Helm', () => {
  const charts = ['workers', 'starter'];
  const template = (chart: string) => ['template', chart, chartFolder(chart), '--kube-version', '1.34.0'];

  testWithHelm.each(charts.flatMap((chart) => valuesFiles(chart).map((file) => [chart, file] as const)))(
    '%s with %s holds no Secret, and names secrets as files',
    (chart, file) => {
      const values = path.join(chartFolder(chart), file);
      const { ok, text } = run('helm', [...template(chart), '--values', values]);
      expect([ok, ok ? '' : text]).toEqual([true, '']);
      lookAt('manifests', text);
      expect(text).not.toMatch(/^kind: Secret$/m);
      for (const { env } of set) expect(text).not.toMatch(new RegExp(`name: ${env}\\b(?!_FILE)[^\\n]*value:`));
    },
  );

  testWithHelm.each(charts)('%s refuses each of them as a value, and does not repeat it', (chart) => {
    const base = path.join(chartFolder(chart), 'values/dev.yaml');
    for (const { env, value } of set) {
      const given = `env.${env}=${value}`;
      const { ok, text } = run('helm', [
        'template',
        chart,
        chartFolder(chart),
        '--values',
        base,
        '--set-string',
        given,
      ]);
      expect([env, ok]).toEqual([env, false]);
      lookAt(`refusal of ${env}`, text);
    }
  });
});

const withTerraform = testWhere(run('terraform', ['version']).ok, 'terraform is not installed');
withTerraform('Terraform: the plans of every environment hold names of secrets only', () => {
  const source = path.join(folder, 'terraform');
  cpSync(path.join(root, 'terraform'), source, { recursive: true, filter: (name) => !name.includes('.terraform') });
  const decide = path.join(source, 'modules/decide');
  expect(run('terraform', ['init', '-backend=false', '-input=false', '-no-color'], decide).ok).toBe(true);
  for (const name of ['dev', 'staging', 'prod']) {
    const file = path.join(source, 'envs', name, 'terraform.tfvars');
    const plan = run(
      'terraform',
      [
        ...['plan', '-input=false', '-no-color', '-out=plan', `-var-file=${file}`],
        ...['-var', `environment=${name}`, '-var', 'encrypt_payloads=true', '-var', `charts={ ${CHARTS} }`],
      ],
      decide,
    );
    expect([name, plan.ok, plan.ok ? '' : plan.text]).toEqual([name, true, '']);
    lookAt(`plan of ${name}`, `${plan.text}${run('terraform', ['show', '-json', 'plan'], decide).text}`);
  }
});
