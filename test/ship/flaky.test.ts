import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chance, FAILURE_RATE } from './fixtures/flaky/chance';

interface Result {
  file: string;
  ok: boolean;
  passed?: number;
  failed?: number;
  ms?: number;
  cases?: object[];
}
type Run = (files: string[], attempt: number) => Promise<Result[]>;
interface Outcome {
  attempts: Result[][];
  flaky: { file: string; failures: number }[];
  failed: string[];
  excused: { file: string; reason: string }[];
}
interface Entry {
  file?: string;
  owner?: string;
  expires?: string;
  reason?: string;
}

const { runWithRetries } = jest.requireActual<{
  runWithRetries(files: string[], run: Run, options?: object): Promise<Outcome>;
}>('../../ci/lib/retry.mjs');
const { readQuarantine } = jest.requireActual<{
  readQuarantine(entries: Entry[], world: object): { problems: string[]; excused(file: string): string | undefined };
}>('../../ci/lib/quarantine.mjs');
const { runJest } = jest.requireActual<{ runJest(files: string[], options: object): Promise<Result[]> }>(
  '../../ci/lib/jest.mjs',
);
const { runSuite } = jest.requireActual<{
  runSuite(name: string, files: string[], options: object): Promise<{ code: number }>;
}>('../../ci/flaky.mjs');
const { burnIn } = jest.requireActual<{
  burnIn(files: string[], run: Run, options?: object): Promise<{ runs: number; failed: string[] }>;
}>('../../ci/burn-in.mjs');

const fixture = (name: string) => `test/ship/fixtures/flaky/${name}.fixture.ts`;
const fails = (seed: number, attempt: number) => chance(seed, attempt) < FAILURE_RATE;

/** The fixture suite as the pipeline sees it, without a process for each of thousands of runs. */
const drawn =
  (seed: number): Run =>
  async (files, attempt) =>
    files.map((file) => ({ file, ok: !file.includes('broken') && !fails(seed, attempt) }));

describe('a suite that fails 25 % of the time', () => {
  const seeds = Array.from({ length: 5000 }, (_, seed) => seed);

  test('does fail in a quarter of its runs', () => {
    const rate = seeds.filter((seed) => fails(seed, 0)).length / seeds.length;
    expect(rate).toBeCloseTo(FAILURE_RATE, 1);
  });

  test('passes at least 98 % of the pipelines', async () => {
    const outcomes = await Promise.all(seeds.map((seed) => runWithRetries(['sometimes'], drawn(seed))));
    const passed = outcomes.filter(({ failed }) => failed.length === 0).length;
    expect(passed / seeds.length).toBeGreaterThanOrEqual(0.98);
  });

  test('never hides a test that really fails', async () => {
    const outcomes = await Promise.all(seeds.map((seed) => runWithRetries(['sometimes', 'broken'], drawn(seed))));
    expect(outcomes.every(({ failed }) => failed.includes('broken'))).toBe(true);
  });
});

describe('retries', () => {
  test('run only the failed files, at most twice', async () => {
    const runs: string[][] = [];
    const run: Run = async (files) => {
      runs.push(files);
      return files.map((file) => ({ file, ok: file === 'steady' }));
    };
    const { failed } = await runWithRetries(['steady', 'broken'], run);
    expect(runs).toEqual([['steady', 'broken'], ['broken'], ['broken']]);
    expect(failed).toEqual(['broken']);
  });

  test('count a file without a result as failed', async () => {
    const { failed } = await runWithRetries(['lost'], async () => []);
    expect(failed).toEqual(['lost']);
  });

  test('are not made when much is broken', async () => {
    const files = Array.from({ length: 11 }, (_, index) => `file-${index}`);
    const { attempts } = await runWithRetries(files, async (list) => list.map((file) => ({ file, ok: false })));
    expect(attempts).toHaveLength(1);
  });

  test('leave files in quarantine alone', async () => {
    const excused = () => 'in quarantine';
    const { attempts, failed, excused: listed } = await runWithRetries(['broken'], drawn(1), { excused });
    expect(attempts).toHaveLength(1);
    expect(failed).toEqual([]);
    expect(listed).toEqual([{ file: 'broken', reason: 'in quarantine' }]);
  });
});

describe('with a real jest', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-flaky-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const config = 'test/ship/fixtures/flaky/jest.config.js';
  const seed = Array.from({ length: 100 }, (_, index) => index).find(
    (index) => fails(index, 0) && fails(index, 1) && !fails(index, 2),
  );
  const run: Run = (files, attempt) =>
    runJest(files, { config, quiet: true, env: { FLAKY_SEED: `${seed}`, FLAKY_ATTEMPT: `${attempt}` } });
  const passing: Run = async (files) =>
    files.map((file) => ({ file, ok: true, passed: 1, failed: 0, ms: 1, cases: [] }));
  const report = async (name: string) =>
    JSON.parse(await readFile(path.join(folder, `${name}.json`), 'utf8')) as Record<string, unknown>;

  test('a flaky file passes at its third run, and both retries are reported', async () => {
    const { code } = await runSuite('green', [fixture('sometimes'), fixture('steady')], {
      run,
      folder,
      quarantine: [],
    });
    expect(code).toBe(0);
    expect(await report('green')).toMatchObject({
      passed: 2,
      failed: 0,
      retries: [[{ file: fixture('sometimes'), ok: false }], [{ file: fixture('sometimes'), ok: true }]],
      flaky: [{ file: fixture('sometimes'), failures: 2 }],
    });
    const xml = await readFile(path.join(folder, 'green.xml'), 'utf8');
    expect(xml.match(/<testsuite /g)).toHaveLength(4);
    expect(xml).toContain('(attempt 3)');
  });

  test('a broken file fails the pipeline, with its message in the report', async () => {
    const { code } = await runSuite('red', [fixture('broken')], { run, folder, quarantine: [] });
    expect(code).toBe(1);
    expect(await report('red')).toMatchObject({ failed: 1, flaky: [], failedFiles: [fixture('broken')] });
    expect(await readFile(path.join(folder, 'red.xml'), 'utf8')).toContain('&lt;wrong&gt; &amp; ');
  });

  test('an expired quarantine fails the pipeline although every test passes', async () => {
    const quarantine = [{ file: fixture('steady'), owner: 'mia', expires: '2020-01-31', reason: 'port clash' }];
    const { code } = await runSuite('late', [fixture('steady')], { run: passing, folder, quarantine });
    expect(code).toBe(1);
    expect(await report('late')).toMatchObject({
      problems: [expect.stringContaining('ended on 2020-01-31; mia has to')],
    });
  });
});

describe('the quarantine list', () => {
  const world = { today: new Date('2026-06-15T12:00:00Z'), exists: (file: string) => file !== 'gone.test.ts' };
  const good = { file: 'a.test.ts', owner: 'mia', expires: '2026-06-15', reason: 'port clash' };

  test('excuses until the end of its last day', () => {
    const { problems, excused } = readQuarantine([good], world);
    expect(problems).toEqual([]);
    expect(excused('a.test.ts')).toMatch(/until 2026-06-15 \(mia\): port clash/);
    expect(excused('b.test.ts')).toBeUndefined();
  });

  test.each([
    ['no owner', { ...good, owner: ' ' }, /needs file, owner, expires and reason/],
    ['no expiry', { ...good, expires: undefined }, /needs file, owner/],
    ['a date of another form', { ...good, expires: '15.06.2026' }, /must be a date like/],
    ['a day that does not exist', { ...good, expires: '2026-13-01' }, /must be a date like/],
    ['an end in the past', { ...good, expires: '2026-06-14' }, /ended on 2026-06-14; mia has to mend or delete it/],
    ['an end far away', { ...good, expires: '2027-01-01' }, /more than 30 days away/],
    ['a file that is gone', { ...good, file: 'gone.test.ts' }, /no such file/],
  ])('refuses %s', (_, entry, sentence) => {
    const { problems, excused } = readQuarantine([entry], world);
    expect(problems).toEqual([expect.stringMatching(sentence)]);
    expect(excused(entry.file)).toBeUndefined();
  });

  test('in the repository is in order today', async () => {
    const entries = JSON.parse(await readFile('ci/quarantine.json', 'utf8')) as Entry[];
    expect(readQuarantine(entries, { today: new Date(), exists: () => true }).problems).toEqual([]);
  });
});

describe('burn-in', () => {
  test('runs a new test file 20 times', async () => {
    const runs: string[][] = [];
    const run: Run = async (files) => {
      runs.push(files);
      return files.map((file) => ({ file, ok: true }));
    };
    expect(await burnIn(['new.test.ts'], run)).toEqual({ runs: 20, failed: [] });
    expect(runs).toHaveLength(20);
  });

  test('catches nearly every test that fails one time in four', async () => {
    const caught = await Promise.all(
      Array.from({ length: 500 }, (_, seed) => {
        let attempt = 0;
        return burnIn(['new'], async (files) => files.map((file) => ({ file, ok: !fails(seed, attempt++) })));
      }),
    );
    expect(caught.filter(({ failed }) => failed.length > 0).length / 500).toBeGreaterThan(0.98);
  });

  test('stops when its time is up and says how often it ran', async () => {
    let clock = 0;
    const run: Run = async (files) => {
      clock += 1;
      return files.map((file) => ({ file, ok: true }));
    };
    expect(await burnIn(['slow'], run, { until: 3, now: () => clock })).toEqual({ runs: 3, failed: [] });
  });
});
