import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../../common/paths';
import { testWhere } from '../support/only-where';

interface Step {
  run?: string | { command: string };
  persist_to_workspace?: object;
  attach_workspace?: object;
}
interface WorkflowJob {
  name?: string;
  type?: string;
  env?: string;
  requires?: string[];
  context?: string | string[];
  'serial-group'?: string;
  filters?: { branches?: { only?: string; ignore?: string } };
}
interface Pipeline {
  jobs: Record<string, { steps: (Step | string)[]; executor: string; parallelism?: number }>;
  commands: Record<string, { steps: (Step | string)[] }>;
  workflows: Record<string, { jobs: (string | Record<string, WorkflowJob>)[] }>;
  orbs?: object;
}

const root = projectRoot();
const file = path.join(root, '.circleci/config.yml');
const text = readFileSync(file, 'utf8');
const config = parse(text) as Pipeline;

/** Every job of a workflow by the name that others require it by. */
function jobsOf(workflow: string): Map<string, WorkflowJob & { job: string }> {
  const entries = config.workflows[workflow]!.jobs.map((entry) => {
    const [job, settings] = typeof entry === 'string' ? [entry, {}] : Object.entries(entry)[0]!;
    return [settings.name ?? job, { ...settings, job }] as const;
  });
  const jobs = new Map(entries);
  // A name that stands twice would hide a job from the checks below.
  if (jobs.size !== entries.length) throw new Error(`${workflow}: a job's name stands twice`);
  return jobs;
}

function commandsIn(steps: (Step | string)[]): string[] {
  return steps.flatMap((step) => {
    if (typeof step === 'string' || step.run === undefined) return [];
    return [typeof step.run === 'string' ? step.run : step.run.command];
  });
}

const workflows = Object.keys(config.workflows);
const commands = [...Object.values(config.jobs), ...Object.values(config.commands)].flatMap(({ steps }) =>
  commandsIn(steps),
);

/** The jobs that have to be done before this one. */
function before(jobs: Map<string, WorkflowJob>, name: string, seen: string[] = []): string[] {
  if (seen.includes(name)) throw new Error(`requires form a cycle: ${[...seen, name].join(' → ')}`);
  const direct = jobs.get(name)?.requires ?? [];
  return direct.flatMap((other) => [other, ...before(jobs, other, [...seen, name])]);
}

const checker = findTool('check-jsonschema');
const withChecker = testWhere(checker !== undefined, 'check-jsonschema is not installed; ci/lint.sh brings it');

withChecker('is valid by the schema', () => {
  const { status, stdout } = spawnSync(checker!, ['--builtin-schema', 'vendor.circle-ci', file], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('ok') });
});

test('every script that it calls exists and may be run', () => {
  const scripts = commands.flatMap((command) => command.match(/(?:^|\s)(?:node )?((?:ci|scripts)\/[\w./-]+)/g) ?? []);
  const paths = scripts.map((script) => script.trim().replace(/^node /, ''));
  expect(paths.length).toBeGreaterThan(10);
  for (const script of paths) {
    expect([script, existsSync(path.join(root, script))]).toEqual([script, true]);
    if (script.startsWith('ci/')) accessSync(path.join(root, script), constants.X_OK);
  }
});

test('a job holds no logic of its own: each step is one call of a script', () => {
  const steps = Object.values(config.jobs).flatMap(({ steps: all }) => commandsIn(all));
  for (const command of steps)
    expect(command).toMatch(/^(ci\/[\w-]+\.(sh|mjs)|node scripts\/setup\.mjs)( [\w<>. -]+)?$/);
});

describe.each(workflows)('workflow %s', (workflow) => {
  const jobs = jobsOf(workflow);

  test('names only jobs that exist', () => {
    for (const [name, { job, type, requires = [] }] of jobs) {
      if (type !== 'approval') expect([name, Object.keys(config.jobs)]).toEqual([name, expect.arrayContaining([job])]);
      expect([name, [...jobs.keys()]]).toEqual([name, expect.arrayContaining(requires)]);
    }
  });

  test('has requirements without a cycle', () => {
    for (const name of jobs.keys()) expect(() => before(jobs, name)).not.toThrow();
  });

  test('opens contexts on main only', () => {
    for (const [name, job] of jobs) {
      if (job.context !== undefined) expect([name, job.filters?.branches?.only]).toEqual([name, 'main']);
    }
  });

  test('asks a person before anything touches prod', () => {
    for (const [name, { env, context }] of jobs) {
      if (env !== 'prod' && context !== 'darkroom-prod') continue;
      const approvals = before(jobs, name).filter((other) => jobs.get(other)?.type === 'approval');
      expect([name, approvals.length]).toEqual([name, 1]);
    }
  });

  test('does one thing at a time to an environment, with that environment’s context', () => {
    for (const [name, { env, context, 'serial-group': group }] of jobs) {
      if (env === undefined) continue;
      expect([name, context, group]).toEqual([name, `darkroom-${env}`, `<< pipeline.project.slug >>/${env}`]);
    }
  });
});

test('prod gets what staging got: build → staging → approval → prod, after every check', () => {
  const chain = before(jobsOf('build'), 'deploy-prod');
  expect(chain).toEqual(
    expect.arrayContaining([
      ...['approve-prod', 'deploy-staging', 'push', 'image'],
      ...['lint', 'types', 'unit', 'integration', 'chart', 'terraform'],
    ]),
  );
});

test('a deploy is proved by a batch in the same job, so that nothing comes between them', () => {
  expect(commandsIn(config.jobs['deploy']!.steps)).toEqual([
    'ci/deploy.sh << parameters.env >>',
    'ci/smoke.sh << parameters.env >>',
  ]);
});

/** Every step of a job, those of the commands that it uses included. */
function allSteps(steps: (Step | string)[]): (Step | string)[] {
  return steps.flatMap((step) => {
    const name = typeof step === 'string' ? step : Object.keys(step)[0]!;
    return [step, ...allSteps(config.commands[name]?.steps ?? [])];
  });
}

/** Jobs that can take a role, and the one that makes what is deployed. */
const trusted = [
  ...new Set([
    'image',
    ...workflows.flatMap((workflow) =>
      [...jobsOf(workflow).values()].flatMap(({ job, context }) => (context === undefined ? [] : [job])),
    ),
  ]),
];

test('what holds a role, or makes what is deployed, is given nothing that a branch has left behind', () => {
  expect(trusted.sort()).toEqual(['deploy', 'image', 'push', 'rollback']);
  for (const job of trusted) {
    const steps = allSteps(config.jobs[job]!.steps);
    expect([job, JSON.stringify(steps)]).toEqual([job, expect.not.stringMatching(/_cache|npm|setup\.mjs|prepare\.sh/)]);
  }
});

test('the image is built without a role, by every branch; only main pushes it, and runs nothing of it', () => {
  const jobs = jobsOf('build');
  expect([jobs.get('image')?.context, jobs.get('image')?.filters]).toEqual([undefined, undefined]);
  expect(jobs.get('push')).toMatchObject({ requires: ['image'], filters: { branches: { only: 'main' } } });
  expect(commandsIn(config.jobs['image']!.steps)).toEqual(['ci/image.sh']);
  expect(commandsIn(config.jobs['push']!.steps)).toEqual(['ci/push.sh']);
  const read = (script: string) => readFileSync(path.join(root, `ci/${script}.sh`), 'utf8');
  expect(read('image')).not.toMatch(/REGISTRY|lib\/aws/);
  expect(read('push')).not.toMatch(/docker (run|build)|npm/);
});

test('the digest of what was pushed is handed on to each deploy', () => {
  expect(config.jobs['push']!.steps.at(-1)).toEqual({
    persist_to_workspace: { root: '.', paths: ['.darkroom/ci/image/digest.txt'] },
  });
  expect(config.jobs['deploy']!.steps[1]).toEqual({ attach_workspace: { at: '.' } });
  for (const deploy of ['deploy-staging', 'deploy-prod']) expect(before(jobsOf('build'), deploy)).toContain('push');
});

test("no package's script runs at installing, on a laptop or in the pipeline", () => {
  expect(readFileSync(path.join(root, 'scripts/setup/install.mjs'), 'utf8')).toContain("'--ignore-scripts'");
  const installs = readFileSync(path.join(root, 'Dockerfile'), 'utf8').match(/npm ci .*/g) ?? [];
  expect(installs.filter((line) => !line.includes('--ignore-scripts'))).toEqual([]);
});

test('no secret stands in it, and no orb that nobody here has read', () => {
  expect(config.orbs).toBeUndefined();
  expect(text).not.toMatch(/AKIA[0-9A-Z]{16}|-----BEGIN|(password|secret|token|api_?key)\s*[:=]\s*\S+/i);
  // The deploy scripts take roles by OIDC, never keys.
  for (const script of ['deploy', 'image', 'push', 'rollback', 'smoke', 'lib/aws']) {
    expect(readFileSync(path.join(root, `ci/${script}.sh`), 'utf8')).not.toMatch(/AWS_(SECRET_)?ACCESS_KEY/);
  }
});

test('images are parameters, without a tag or digest that nobody saw', () => {
  const images = [...text.matchAll(/image: ([^\s}]+(?: \S+ >>)?)/g)].map((match) => match[1]);
  expect(images.every((image) => image!.startsWith('<< pipeline.parameters.'))).toBe(true);
  expect(text).not.toMatch(/@sha256:|cimg\//);
});

test('caches of exact programs have no fallback, and every key names the machine', () => {
  const keys = [...text.matchAll(/(?:- |key: )((?:npm|tools)-v1-.*)/g)].map((match) => match[1]!);
  expect(keys.length).toBeGreaterThanOrEqual(4);
  for (const key of keys) expect(key).toContain('{{ arch }}');
  for (const key of keys.filter((name) => name.startsWith('tools')))
    expect(key).toContain('checksum "ci/lib/tools.txt"');
});

function findTool(name: string): string | undefined {
  const script = `source ci/lib/common.sh && command -v ${name} || { f="\${XDG_CACHE_HOME:-$HOME/.cache}/darkroom/ci-tools/bin/${name}"; [ ! -x "$f" ] || echo "$f"; }`;
  const { stdout } = spawnSync('bash', ['-c', script], { cwd: root, encoding: 'utf8' });
  return stdout.trim() || undefined;
}
