import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

const { jobsFor, JOBS } = jest.requireActual<{ jobsFor(files?: string[]): string[]; JOBS: string[] }>(
  '../../ci/lib/rules.mjs',
);
const { changedFiles } = jest.requireActual<{ changedFiles(options: object): string[] | undefined }>(
  '../../ci/changed.mjs',
);
const { split, suiteOf } = jest.requireActual<{
  split(files: string[], timings: Record<string, number>, total: number): string[][];
  suiteOf(file: string, text: string): string;
}>('../../ci/lib/suites.mjs');
const { summary } = jest.requireActual<{ summary(results: object[]): string }>('../../ci/all.mjs');

describe('what a change calls for', () => {
  test.each([
    ['a page of the docs', ['docs/architecture.md'], ['lint']],
    ['the README', ['README.md'], ['lint']],
    ['an activity', ['activities/image.ts'], ['lint', 'types', 'unit', 'integration', 'image']],
    ['a preset', ['presets/web.yaml'], ['lint', 'types', 'unit', 'integration', 'image']],
    ['a test beside its source', ['media/sniff.test.ts'], ['lint', 'types', 'unit', 'integration']],
    ['a chart', ['helm/workers/templates/deployment.yaml'], ['lint', 'types', 'chart']],
    ['an environment', ['terraform/envs/dev/main.tf'], ['lint', 'types', 'terraform']],
    ['the Dockerfile', ['Dockerfile'], ['lint', 'unit', 'image']],
    ['Compose', ['docker-compose.yml'], ['lint', 'unit']],
    ['a rule of Prometheus', ['observability/rules/workers.yaml'], ['lint', 'types', 'unit', 'integration', 'chart']],
    ['docs and a chart', ['docs/a.md', 'helm/starter/values.yaml'], ['lint', 'types', 'chart']],
    ['nothing', [], []],
  ])('%s', (_, files, jobs) => expect(jobsFor(files)).toEqual(jobs));

  test.each([
    ['the lock file', ['package-lock.json']],
    ['the pipeline', ['.circleci/config.yml']],
    ['a script of ci/', ['ci/flaky.mjs']],
    ['a path that nobody thought of', ['somewhere/else.bin']],
    ['an unknown change', undefined],
  ])('%s: everything', (_, files) => expect(jobsFor(files)).toEqual(JOBS));
});

describe('the merge base', () => {
  let folder: string;
  const circle = process.env['CIRCLE_BRANCH'];
  beforeEach(async () => {
    delete process.env['CIRCLE_BRANCH'];
    folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-changed-'));
    git('init', '--quiet', '--initial-branch=main');
    await commit('old.ts');
  });
  afterEach(async () => {
    if (circle !== undefined) process.env['CIRCLE_BRANCH'] = circle;
    await rm(folder, { recursive: true, force: true });
  });

  function git(...args: string[]): void {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'core.hooksPath=/dev/null'];
    const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
  async function commit(name: string): Promise<void> {
    await writeFile(path.join(folder, name), name);
    git('add', name);
    git('commit', '--quiet', '--no-gpg-sign', '-m', name);
  }

  test('shows what the branch changed, not what main did since', async () => {
    git('switch', '--quiet', '-c', 'branch');
    await commit('mine.ts');
    git('switch', '--quiet', 'main');
    await commit('theirs.ts');
    git('switch', '--quiet', 'branch');
    expect(changedFiles({ cwd: folder })).toEqual(['mine.ts']);
  });

  test('shows what is not committed yet, removed files, and names with blanks', async () => {
    git('switch', '--quiet', '-c', 'branch');
    git('rm', '--quiet', 'old.ts');
    await writeFile(path.join(folder, 'new file.ts'), '');
    expect(changedFiles({ cwd: folder })).toEqual(['new file.ts', 'old.ts']);
  });

  test('tells nothing on main, and nothing without a common history', () => {
    expect(changedFiles({ cwd: folder })).toBeUndefined();
    git('switch', '--quiet', '--orphan', 'other');
    git('commit', '--quiet', '--no-gpg-sign', '--allow-empty', '-m', 'other');
    expect(changedFiles({ cwd: folder })).toBeUndefined();
  });
});

describe('which test runs where', () => {
  test.each([
    ['media/sniff.test.ts', "import { sniff } from './sniff';", 'unit'],
    ['media/video/plan.test.ts', "import { clip } from '../../test/support/clips';", 'unit'],
    ['storage/s3/s3.test.ts', "import { startS3 } from '../../test/support/s3';", 'integration'],
    ['starter/core/core.test.ts', "import { startTestServer } from '../../test/starter/server';", 'integration'],
    ['test/e2e/faults.test.ts', '', 'integration'],
    ['test/layering.test.ts', '', 'unit'],
    ['test/ship/helm.test.ts', '', 'chart'],
    ['test/ship/terraform.test.ts', '', 'terraform'],
    ['test/ship/circleci.test.ts', '', 'unit'],
  ])('%s', (file, text, suite) => expect(suiteOf(file, text)).toBe(suite));
});

describe('splitting by timing', () => {
  test('evens out what the machines have to do', () => {
    const timings = { a: 60, b: 30, c: 20, d: 10 };
    expect(split(['a', 'b', 'c', 'd'], timings, 2)).toEqual([['a'], ['b', 'c', 'd']]);
  });

  test('gives every file to exactly one machine, new ones too', () => {
    const files = ['a', 'b', 'c', 'd', 'e', 'f', 'new'];
    const shares = split(files, { a: 5, b: 4, c: 3, d: 2, e: 1, f: 1 }, 3);
    expect(shares.flat().sort()).toEqual(files);
  });

  test('leaves a machine idle where there are more machines than files', () => {
    expect(split(['a'], {}, 3)).toEqual([['a'], [], []]);
  });
});

test('the run ends with one line that counts everything', () => {
  const result = { state: 'passed', seconds: 3, flaky: 0 };
  const text = summary([
    { ...result, name: 'lint', passed: 1, failed: 0 },
    { ...result, name: 'unit', passed: 40, failed: 0, flaky: 1 },
    { ...result, name: 'terraform', state: 'FAILED', passed: 7, failed: 2 },
  ]);
  expect(text.split('\n').at(-1)).toBe('48 passed, 2 failed');
  expect(text).toMatch(/unit .* 40 passed, 0 failed, 1 flaky/);
});
