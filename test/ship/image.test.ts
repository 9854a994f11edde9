import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { VARIABLES } from '../../common/config/variables';
import { projectRoot } from '../../common/paths';

const root = projectRoot();
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const dockerfile = read('Dockerfile');

test('the base image is an argument, which CI fills with a digest; every stage stands on it', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
  expect(new Set(bases)).toEqual(new Set(['${BASE}', 'scratch']));
  expect(dockerfile).not.toMatch(/@sha256:/);
});

test('it runs as a numbered user that is not root, which Kubernetes can check', () => {
  expect(dockerfile).toMatch(/^USER 10001:10001$/m);
});

test('every command leads to a source', () => {
  const modules = [...read('deploy/image/run.cjs').matchAll(/'([\w/-]+)\.js'/g)].map((match) => `${match[1]}.ts`);
  expect(modules).toHaveLength(5);
  expect(modules.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});

test('every variable that it sets exists', () => {
  const block = /^ENV NODE_ENV=production(?:.*\\\n)*.*/m.exec(dockerfile)?.[0] ?? '';
  const names = [...block.matchAll(/\b(DARKROOM_\w+|S3_\w+|LOG_\w+)=/g)].map((match) => match[1]);
  const known = new Set<string>(Object.values(VARIABLES).map(({ env }) => env));
  expect(names.length).toBeGreaterThan(4);
  expect(names.filter((name) => !known.has(name ?? ''))).toEqual([]);
});

test('the build is given only what is named', () => {
  const rules = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(rules[0]).toBe('*');
  const layers = ['operate', 'starter', 'local', 'workflows', 'activities', 'media', 'storage', 'net', 'temporal'];
  const folders = [...layers, 'common', 'client', 'workers', 'presets'];
  expect(rules).toEqual(expect.arrayContaining(folders.map((folder) => `!${folder}`)));
  expect(rules).toContain('**/.env');
});

describe('what the build takes away', () => {
  const system = dockerfile.slice(dockerfile.indexOf('AS system'), dockerfile.indexOf('FROM scratch'));

  test('no file gains rights, and the build fails where one does', () => {
    const [stripped, checked] = [' -exec chmod a-s {} +', 'test -z "$(find / -xdev -perm /6000 -type f)"'].map((part) =>
      system.indexOf(part),
    );
    expect(stripped).toBeGreaterThan(0);
    expect(checked).toBeGreaterThan(stripped!);
    // What is installed later could bring one.
    expect(system.slice(checked)).not.toMatch(/apt-get|dpkg/);
  });

  test.each(['apt', 'perl-base', 'login', 'passwd'])('%s is purged', (name) => {
    const purged = /dpkg --purge --force-depends --force-remove-essential([^&]*)/.exec(system)?.[1]?.split(/\s+/);
    expect(purged).toContain(name);
  });

  test('what keeps decoders apart stays, and the build fails where one of it is gone', () => {
    const source = read('common/apart.ts') + read('common/process-limits.ts');
    const programs = ['unshare', 'setpriv', 'prlimit', 'mount', 'seq'];
    for (const name of programs) expect(source).toMatch(new RegExp(`['( ]${name}\\b`));
    const checked = system.indexOf(`for program in ${programs.join(' ')}; do command -v "$program" || exit 1; done`);
    expect(checked).toBeGreaterThan(system.indexOf('dpkg --purge --force-depends --force-remove-essential'));
    expect(system).not.toMatch(/--purge[^&]*\b(util-linux|mount|coreutils)\b/);
  });

  test('packages keep what is loaded and their licences, and nothing else', () => {
    const packages = mkdtempSync(path.join(os.tmpdir(), 'darkroom-slim-'));
    const kept = [
      'a/LICENSE.md',
      'a/NOTICE',
      'a/index.js',
      'a/lib/spec/index.js',
      // Deeper down a folder of this name is code.
      'a/lib/test/index.js',
      'a/package.json',
      '@temporalio/core-bridge/sdk-core/LICENSE.txt',
      '@b/c/node_modules/d/data.json',
      '@b/c/node_modules/d/package.json',
    ];
    const gone = [
      ...['a/README.md', 'a/index.d.ts', 'a/index.d.ts.map', 'a/index.js.map', 'a/index.mjs.map', 'a/index.d.cts'],
      ...['a/src/index.ts', 'a/src/view.tsx', 'a/tsconfig.tsbuildinfo', 'a/lib/index.test.js', 'a/test/key.pem'],
      ...['a/benchmarks/run.js', 'a/docs/index.html', '@b/c/node_modules/d/__tests__/d.js', '@swc/core/index.js'],
      '@temporalio/core-bridge/sdk-core/src/lib.rs',
    ];
    try {
      for (const file of [...kept, ...gone]) {
        mkdirSync(path.dirname(path.join(packages, file)), { recursive: true });
        writeFileSync(path.join(packages, file), '');
      }
      const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'deploy/image/slim.mjs'), packages]);
      expect([status, String(stderr)]).toEqual([0, '']);
      const left = readdirSync(packages, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(packages, path.join(entry.parentPath, entry.name)));
      expect(left.sort()).toEqual(kept.sort());
    } finally {
      rmSync(packages, { recursive: true });
    }
  });
});
