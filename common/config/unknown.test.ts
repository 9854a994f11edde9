import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, loadConfig, variableNames } from '.';
import { testWhere } from '../../test/support/only-where';
import { projectRoot } from '../paths';
import { unknownVariables } from './unknown';

/** The problems that a configuration has; empty when it is good. */
function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return error instanceof ConfigError ? error.problems : ['another error'];
  }
}

test.each([
  ['DARKROOM_IMGAE_SLOTS', 'DARKROOM_IMAGE_SLOTS'],
  ['DARKROOM_POOL', 'DARKROOM_POOLS'],
  ['DARKROM_HTTP_PORT', 'DARKROOM_HTTP_PORT'],
  ['DARK_ROOM_HOME', 'DARKROOM_HOME'],
  ['darkroom_output', 'DARKROOM_OUTPUT'],
  ['DARKROOM_WEBHOOK_SECERT_FILE', 'DARKROOM_WEBHOOK_SECRET_FILE'],
  // Only a secret may come as a file.
  ['DARKROOM_HOME_FILE', 'DARKROOM_HOME'],
])('%s is refused, and %s is suggested', (name, suggested) => {
  expect(problemsOf({ [name]: 'hush' })).toEqual([`${name}: no such variable; did you mean ${suggested}?`]);
});

test('misspelt names are reported with all other problems, and no value is quoted', () => {
  const problems = problemsOf({ DARKROOM_API_KYES: 'hush', LOG_LEVEL: 'loud' });
  expect(problems).toEqual([
    'DARKROOM_API_KYES: no such variable; did you mean DARKROOM_API_KEYS?',
    expect.stringContaining('LOG_LEVEL'),
  ]);
  expect(problems.join()).not.toContain('hush');
});

test.each([
  ['an empty variable, which is not set', { DARKROOM_IMGAE_SLOTS: '' }],
  ["other programs' variables", { DARKTABLE_HOME: '/x', MY_DARKROOM_X: '1' }],
  ['what Compose and the tests read', { DARKROOM_IMAGE: 'darkroom:dev', DARKROOM_TEST_BIN: '/bin' }],
  ['a secret by value and one by file', { DARKROOM_SESSION_SECRET: 'sixteen-bytes-or-more', S3_REGION: 'x' }],
  [
    'what Kubernetes adds for a Service called darkroom-api',
    {
      DARKROOM_API_SERVICE_HOST: '10.96.0.1',
      DARKROOM_API_SERVICE_PORT: '80',
      DARKROOM_API_PORT: 'tcp://10.96.0.1:80',
      DARKROOM_API_PORT_80_TCP_ADDR: '10.96.0.1',
    },
  ],
])('%s is accepted', (_what, env) => expect(problemsOf(env)).toEqual([]));

test('a port that no Service explains is a misspelt name', () => {
  expect(problemsOf({ DARKROOM_WORKR_PORT: '1' })).toHaveLength(1);
});

const hasGit = spawnSync('git', ['rev-parse', '--git-dir'], { cwd: projectRoot() }).status === 0;

/** Files that misspell names on purpose. */
const MISSPELL = /^(common\/config\/unknown\.|test\/ship\/helm-refusals\.)/;

// What a document, chart, script or test names would be refused at start otherwise.
testWhere(hasGit, 'no checkout of git, which knows the files of the repository')(
  'every variable that the repository names is read',
  () => {
    const { stdout } = spawnSync('git', ['grep', '-IlE', 'DARKROOM_[A-Z]'], { cwd: projectRoot(), encoding: 'utf8' });
    const files = stdout.split('\n').filter((file) => file !== '' && !MISSPELL.test(file));
    expect(files.length).toBeGreaterThan(50);
    const named = files.flatMap((file) =>
      [
        ...readFileSync(path.join(projectRoot(), file), 'utf8').matchAll(/\bDARKROOM_[A-Z0-9_]*[A-Z0-9]\b(?!_?\*)/g),
      ].map(([name]) => [name, `in ${file}`] as const),
    );
    expect(unknownVariables(Object.fromEntries(named), variableNames())).toEqual([]);
  },
);
