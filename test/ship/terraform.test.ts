import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { projectRoot } from '../../common/paths';
import { describeWhere, testWhere } from '../support/only-where';

const root = projectRoot();
const source = path.join(root, 'terraform');
const environments = readdirSync(path.join(source, 'envs'));
const runs = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const hasTerraform = runs('terraform', 'version');
const hasHelm = runs('helm', 'version');
const withTerraform = describeWhere(hasTerraform, 'terraform is not installed');
const withCharts = testWhere(hasHelm, 'helm is not installed, so no chart is rendered with what Terraform decides');

/** A copy of what a deploy reads, so that no run leaves a lock file or a state in the repository. */
let copy: string;
let folder: string;
beforeAll(async () => {
  copy = await mkdtemp(path.join(os.tmpdir(), 'darkroom-terraform-'));
  folder = path.join(copy, 'terraform');
  for (const name of ['terraform', 'helm', 'ci', 'observability', '.env.example']) {
    const filter = (file: string) => !file.includes('.terraform');
    await cp(path.join(root, name), path.join(copy, name), { recursive: true, filter, verbatimSymlinks: true });
  }
});
afterAll(() => rm(copy, { recursive: true, force: true }));

/** Places that nobody asks: a plan of the switches looks at their form only. */
const CHARTS = ['temporal', 'keda', 'external_secrets']
  .map((name) => `${name} = { chart = "oci://registry.example.com/${name.replace('_', '-')}", version = "1.2.3" }`)
  .join(', ');

function terraform(...args: string[]): { status: number | null; text: string; stdout: string } {
  const { status, stdout, stderr } = spawnSync('terraform', ['-chdir=modules/decide', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1' },
  });
  return { status, stdout, text: `${stdout}${stderr}`.replace(/[│╷╵\s]+/g, ' ') };
}

interface Values {
  temporal: { address: string };
  networkPolicy: { temporalTo: Peer[] };
  storage: { output: string };
  env?: Record<string, string>;
}

/** What `ci/deploy.sh ENVIRONMENT` asks first, in the copy. */
function accepts(environment: string): { status: number | null; said: string } {
  const script = `source ci/lib/common.sh && environment ${environment}`;
  const { status, stderr } = spawnSync('bash', ['-c', script], { cwd: copy, encoding: 'utf8' });
  return { status, said: stderr };
}
interface Peer {
  namespaceSelector?: { matchLabels: Record<string, string> };
}
interface Policy {
  spec: {
    podSelector: object;
    policyTypes: string[];
    ingress: { from?: Peer[]; ports?: { port: number }[] }[];
    egress: { to?: Peer[]; ports?: { port: number }[] }[];
  };
}
const namespaces = (peers: Peer[] = []) =>
  peers.map(({ namespaceSelector }) => namespaceSelector?.matchLabels['kubernetes.io/metadata.name']);
const CLOUD = '{ address = "eu-central-1.aws.api.temporal.io:7233", namespace = "darkroom.abc12" }';

interface Decided {
  fences: { value: Record<'temporal' | 'keda', object> };
  name: { value: string };
  workers_values: { value: Values };
  starter_values: { value: Values };
}

/** What the switching logic decides for an environment; it needs no provider, so this is a real plan. */
function decide(environment: string, ...more: string[]): Decided {
  const plan = path.join(folder, `${environment}.plan`);
  const file = path.join(folder, 'envs', environment, 'terraform.tfvars');
  const { status, text } = terraform(
    ...['plan', '-input=false', '-no-color', `-out=${plan}`, `-var-file=${file}`, '-var', `environment=${environment}`],
    ...['-var', `charts={ ${CHARTS} }`],
    ...more,
  );
  if (status !== 0) throw new Error(text);
  const shown = JSON.parse(terraform('show', '-json', plan).stdout) as { planned_values: { outputs: Decided } };
  return shown.planned_values.outputs;
}

/** A chart as `ci/deploy.sh` gives it its values: the environment's own file, then what Terraform decided. */
async function rendered(chart: string, own: string, decided: Values): Promise<string> {
  const values = path.join(folder, 'decided.yaml');
  await writeFile(values, stringify(decided));
  const given = ['--values', own, '--values', values, '--set', 'image.tag=abc', '--kube-version', '1.34.0'];
  const { status, stdout, stderr } = spawnSync('helm', ['template', path.basename(chart), chart, ...given], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** Network policies as the chart of modules/fence makes them. */
async function policies(decided: object): Promise<Policy[]> {
  const values = path.join(await mkdtemp(path.join(copy, 'fence-')), 'values.yaml');
  await writeFile(values, stringify({ policies: decided }));
  const chart = path.join(folder, 'modules/fence');
  const { status, stdout, stderr } = spawnSync('helm', ['template', 'fence', chart, '--values', values], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Policy);
}

withTerraform('the switching logic', () => {
  test('is formatted, as everything here', () => {
    const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-recursive', source], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  test('passes its own tests, offline', () => {
    expect(terraform('init', '-input=false').status).toBe(0);
    expect(terraform('test', '-no-color').text).toMatch(/Success! (1[4-9]|[2-9]\d) passed, 0 failed/);
  });

  test.each(environments)('decides for %s', (environment) => {
    expect(decide(environment).name.value).toBe(`darkroom-${environment}`);
  });

  // Nothing else is touched in the copy: no list of environments, no schema, no script.
  test('takes a new environment that is a copy of one folder and its values', async () => {
    await cp(path.join(folder, 'envs/dev'), path.join(folder, 'envs/qa'), { recursive: true });
    const file = path.join(folder, 'envs/qa/terraform.tfvars');
    const values = (await readFile(file, 'utf8')).replace('10.10.0.0', '10.40.0.0').replace('"small"', '"medium"');
    await writeFile(file, values.replace('job_source       = "http"', 'job_source       = "sqs"'));

    const { name, workers_values, starter_values } = decide('qa');
    expect(name.value).toBe('darkroom-qa');
    expect(workers_values.value.storage.output).toBe('s3://darkroom-qa-media/out');
    expect(starter_values.value.env).toEqual({ DARKROOM_JOB_SOURCE: 'sqs' });
    expect(terraform('test', '-no-color').text).toMatch(/ 0 failed/);
    expect(accepts('qa')).toEqual({ status: 0, said: '' });
  });

  // The copied environment again, as the charts get it.
  withCharts('gives both charts values of a new environment that they take', async () => {
    await cp(path.join(folder, 'envs/staging'), path.join(folder, 'envs/qa2'), { recursive: true });
    const { workers_values, starter_values } = decide('qa2');
    for (const chart of ['workers', 'starter'] as const) {
      const own = path.join(copy, 'helm', chart, 'values/qa2.yaml');
      const staging = await readFile(path.join(copy, 'helm', chart, 'values/staging.yaml'), 'utf8');
      await writeFile(own, staging.replaceAll('staging', 'qa2'));
      const decided = chart === 'workers' ? workers_values : starter_values;
      expect(await rendered(path.join(copy, 'helm', chart), own, decided.value)).toContain('darkroom-qa2-media');
    }
  });

  test('an environment without a folder is refused with the names of those that have one', () => {
    expect(accepts('nowhere')).toEqual({
      status: 1,
      said: expect.stringMatching(/No environment "nowhere": there is /),
    });
  });

  test('changes backend and source by one variable each', () => {
    const before = decide('dev');
    const after = decide('dev', '-var', 'temporal_backend=cloud', '-var', `temporal_cloud=${CLOUD}`);
    expect(before.workers_values.value.temporal.address).toContain('svc.cluster.local');
    expect(after.workers_values.value.temporal.address).toBe('eu-central-1.aws.api.temporal.io:7233');
  });

  test.each([
    ['temporal_backend=nomad', /temporal_backend must be "self-hosted" or "cloud"/],
    ['temporal_backend=cloud', /needs temporal_cloud = \{ address = "host:7233"/],
    ['job_source=kafka', /job_source must be "http", "redis" or "sqs"/],
    ['size=huge', /size must be "small", "medium" or "large"/],
    ['network_cidr=10.0.0.0/24', /network_cidr must be a \/16 such as/],
    ['source_hosts=["https://a.example.com"]', /source_hosts must be host names such as/],
    ['environment=QA', /environment must be 2 to 16 small letters/],
    ['charts=null', /charts is not set: name the charts of keda/],
    ['charts={ keda = { chart = "keda" }, external_secrets = { chart = "./b" } }', /needs charts\.temporal/],
    ['charts={ keda = { chart = "keda" }, external_secrets = { chart = "./b" } }', /must be oci:\/\/REGISTRY\/NAME/],
    ['region=frankfurt', /region must be an AWS region such as/],
    ['image_repository=darkroom:latest', /must have no tag or digest/],
  ])('refuses %s with a sentence that says what to write', (value, sentence) => {
    expect(() => decide('dev', '-var', value)).toThrow(sentence);
  });

  withCharts.each([
    ['self-hosted', []],
    ['cloud', ['-var', 'temporal_backend=cloud', '-var', `temporal_cloud=${CLOUD}`]],
  ])('fences the other namespaces in, with Temporal %s', async (_backend, more) => {
    const { fences, workers_values } = decide('prod', ...more);
    const [temporal, keda] = await Promise.all([fences.value.temporal, fences.value.keda].map(policies));
    for (const { spec } of [...temporal!, ...keda!]) {
      expect(spec.podSelector).toEqual({});
      expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    }
    // Every rule says from where; only Temporal Cloud is anywhere.
    expect([...temporal!, ...keda!].flatMap(({ spec }) => spec.ingress).filter(({ from }) => !from?.length)).toEqual(
      [],
    );
    const anywhere = keda!.flatMap(({ spec }) => spec.egress).filter(({ to }) => !to?.length);
    expect(anywhere.map(({ ports }) => ports)).toEqual(more.length === 0 ? [] : [[{ port: 7233, protocol: 'TCP' }]]);
    // What asks Temporal is let in by Temporal's own namespace, and told to go there.
    const asking = temporal!.flatMap(({ spec }) => spec.ingress).find(({ ports }) => ports?.[0]?.port === 7233);
    expect(namespaces(asking?.from)).toEqual(['darkroom', 'keda']);
    expect(namespaces(workers_values.value.networkPolicy.temporalTo)).toEqual(more.length === 0 ? ['temporal'] : []);
  });

  withCharts.each(environments.flatMap((environment) => ['http', 'redis', 'sqs'].map((jobs) => [environment, jobs])))(
    'gives %s with jobs from %s values that both charts take',
    async (environment, jobs) => {
      const decided = decide(environment, '-var', `job_source=${jobs}`);
      for (const name of ['workers', 'starter'] as const) {
        const chart = path.join(root, 'helm', name);
        const own = path.join(chart, `values/${environment}.yaml`);
        await rendered(chart, own, decided[`${name}_values`].value);
      }
    },
  );
});

describe('what only the cloud could run', () => {
  const read = (name: string) => readFileSync(path.join(source, name), 'utf8');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tf'));
  const filesOf = (module: string) => files.filter((name) => path.dirname(name) === `modules/${module}`);
  const textOf = (module: string) => filesOf(module).map(read).join('\n');
  const names = (text: string, kind: string) =>
    [...text.matchAll(new RegExp(`^${kind} "(\\w+)"`, 'gm'))].map((match) => match[1]!);
  const main = read('main.tf');
  const calls = [...main.matchAll(/^module "(\w+)" \{\n([\s\S]*?)^\}/gm)].map((match) => ({
    module: match[1]!,
    given: [...match[2]!.matchAll(/^ {2}(\w+)\s*=/gm)]
      .map((argument) => argument[1]!)
      .filter((name) => name !== 'source'),
  }));

  test.each(calls)('module $module gets the variables that it has', ({ module, given }) => {
    const text = textOf(module);
    const declared = names(text, 'variable');
    const required = declared.filter(
      (name) => !new RegExp(`variable "${name}" \\{[^}]*?\\n\\s*default\\s*=`).test(text) && name !== 'source_hosts',
    );
    expect(declared).toEqual(expect.arrayContaining(given));
    expect(given).toEqual(expect.arrayContaining(required.filter((name) => name !== 'temporal_cloud')));
  });

  test('every output that is read exists', () => {
    const used = [...`${main}\n${read('outputs.tf')}`.matchAll(/module\.(\w+)\.(\w+)/g)];
    expect(used.length).toBeGreaterThan(20);
    for (const [whole, module, output] of used) {
      expect([whole, names(textOf(module!), 'output')]).toEqual([whole, expect.arrayContaining([output])]);
    }
  });

  test('only the provider-free module looks at the switches', () => {
    const offenders = files
      .filter((name) => !name.startsWith('modules/decide/'))
      .filter((name) => /var\.(temporal_backend|job_source)\b(?!\n)/.test(read(name)));
    expect(offenders).toEqual([]);
    expect(textOf('decide')).not.toMatch(/^\s*(resource|data|provider) /m);
  });

  test('environments are one file of known variables, with networks that do not overlap', () => {
    const known = names(read('variables.tf'), 'variable');
    const networks = environments.map((environment) => {
      expect(readdirSync(path.join(source, 'envs', environment))).toEqual(['terraform.tfvars']);
      const text = read(`envs/${environment}/terraform.tfvars`);
      const set = [...text.matchAll(/^(\w+)\s*=/gm)].map((match) => match[1]!);
      expect(known).toEqual(expect.arrayContaining(set));
      return /network_cidr\s*=\s*"([^"]+)"/.exec(text)?.[1];
    });
    expect(new Set(networks).size).toBe(environments.length);
  });

  test('holds no secret', () => {
    for (const name of files) expect(read(name)).not.toMatch(/(password|secret_string|secret_key|token)\s*=\s*"/i);
  });
});
