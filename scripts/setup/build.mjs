import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { contentHash, filesIn, quickKey } from './files.mjs';
import { root, step } from './shell.mjs';

const dist = path.join(root, 'dist');
const stampFile = path.join(dist, '.darkroom-built.json');
/** What is compiled: the folders that tsconfig.build.json includes. */
const { include } = JSON.parse(readFileSync(path.join(root, 'tsconfig.build.json'), 'utf8'));
/** The page is built by Vite, with the types of its API client. */
const web = path.join(root, 'starter/web');
/** Explains the fields of presets; the page has it inside. */
const presetDocs = path.join(root, 'docs/presets.md');
const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

function sources() {
  const code = include.flatMap((folder) => filesIn(path.join(root, folder)));
  const compiled = code.filter((file) => /\.(ts|json)$/.test(file) && !file.endsWith('.test.ts'));
  return [...compiled, ...pageSources(), ...settings.map((name) => path.join(root, name))];
}

function pageSources() {
  return existsSync(web) ? [...filesIn(web), ...filesIn(path.join(root, 'client')), presetDocs] : [];
}

/** True when `dist/` was built from these very sources. Looks at sizes and times first, at contents only if those moved. */
export function isBuilt() {
  if (!existsSync(stampFile)) return false;
  const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
  const files = sources();
  const key = quickKey(files);
  if (stamp.key === key) return true;
  const content = contentHash(files);
  if (stamp.content !== content) return false;
  // A checkout touched the files and changed nothing: remember the new times.
  writeFileSync(stampFile, JSON.stringify({ key, content }));
  return true;
}

export function build(force = false) {
  mkdirSync(dist, { recursive: true });
  if (force) rmSync(path.join(dist, '.tsbuildinfo'), { force: true });
  const files = sources();
  const stamp = JSON.stringify({ key: quickKey(files), content: contentHash(files) });
  rmSync(stampFile, { force: true });
  removeStale();
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  step('Building', process.execPath, [tsc, '-p', 'tsconfig.build.json']);
  step('Bundling the workflows', process.execPath, [path.join(root, 'scripts/bundle-workflows.mjs')]);
  buildPage();
  writeFileSync(stampFile, stamp);
}

/** `dist/web`: needs no network, takes seconds, and changes less often than the rest. */
function buildPage() {
  if (!existsSync(web)) return;
  const stamp = path.join(dist, 'web', '.built');
  const content = contentHash([...pageSources(), path.join(root, 'package-lock.json')]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === content) return;
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  step('Building the page', process.execPath, [
    vite,
    'build',
    '--config',
    path.join(web, 'vite.config.mts'),
    '--logLevel',
    'warn',
  ]);
  writeFileSync(stamp, content);
}

/** Compiled files whose source is gone would still be found and run. */
function removeStale() {
  for (const file of filesIn(dist)) {
    const match = /^(.*)\.js(\.map)?$/.exec(path.relative(dist, file));
    if (match === null || !match[1].includes(path.sep) || file.startsWith(path.join(dist, 'web'))) continue;
    if (!existsSync(path.join(root, `${match[1]}.ts`))) rmSync(file);
  }
}
