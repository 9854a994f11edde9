import { existsSync, readFileSync } from 'node:fs';
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
  expect(modules).toHaveLength(4);
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
  const folders = [...layers, 'common', 'workers', 'presets'];
  expect(rules).toEqual(expect.arrayContaining(folders.map((folder) => `!${folder}`)));
  expect(rules).toContain('**/.env');
});
