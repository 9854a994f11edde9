import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../common/paths';

const LAYERS = [
  'operate',
  'starter',
  'local',
  'workflows',
  'activities',
  'media',
  'storage',
  'net',
  'temporal',
] as const;

/** Folders that a folder may import, beside itself and common/. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  ...Object.fromEntries(LAYERS.map((layer, index) => [layer, LAYERS.slice(index + 1)])),
  workers: ['workflows', 'activities', 'media', 'storage', 'net', 'temporal'],
  common: [],
};

/** The shapes of presets are inferred from their schema; TypeScript erases these imports. */
const TYPES_ONLY = /^common\/contracts\.ts \.\.\/media\/(presets\/schema|formats)$/;

/** The only file that may import the package. */
const ONLY_IN: Record<string, RegExp> = {
  'fluent-ffmpeg': /^media\/video\/ffmpeg\.ts$/,
  '@temporalio/activity': /^activities\//,
  '@temporalio/workflow': /^workflows\//,
};

const root = projectRoot();
const folders = Object.keys(MAY_IMPORT);

function sourcesOf(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')));
}

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const pattern =
    /(?:^|\s)(?:import|export)\b[^'";]*?from\s*'([^']+)'|\b(?:import|require)\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The top folder that a relative import leads to; undefined for a package. */
function folderOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return path.posix.join(path.posix.dirname(file), specifier).split('/')[0];
}

describe.each(folders)('%s/', (folder) => {
  const imports = sourcesOf(folder).flatMap((file) => importsOf(file).map((specifier) => ({ file, specifier })));

  test(`imports only ${['common', ...(MAY_IMPORT[folder] ?? [])].join(', ')}`, () => {
    const allowed = [folder, 'common', ...(MAY_IMPORT[folder] ?? [])];
    const offenders = imports.filter(({ file, specifier }) => {
      const target = folderOf(file, specifier);
      if (TYPES_ONLY.test(`${file} ${specifier}`)) return false;
      return target !== undefined && !allowed.includes(target);
    });
    expect(offenders.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  test('imports no package that another place owns', () => {
    const offenders = imports.filter(({ file, specifier }) => ONLY_IN[specifier]?.test(file) === false);
    expect(offenders.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });
});

test('only common/config reads the environment; the others that touch it pass it on whole', () => {
  const reads = /process\.env(?:\.\w+|\[)(?!.*\?\?=)/;
  const offenders = folders
    .flatMap(sourcesOf)
    .filter((file) => !file.startsWith('common/config/') && reads.test(readFileSync(path.join(root, file), 'utf8')));
  expect(offenders).toEqual([]);
});

test('workflows import neither Node nor zod', () => {
  const offenders = sourcesOf('workflows').filter((file) =>
    importsOf(file).some((specifier) => specifier.startsWith('node:') || ['fs', 'path', 'zod'].includes(specifier)),
  );
  expect(offenders).toEqual([]);
});

test('no file has more than 300 lines', () => {
  const long = folders
    .flatMap(sourcesOf)
    .filter((file) => readFileSync(path.join(root, file), 'utf8').split('\n').length > 301);
  expect(long).toEqual([]);
});
