import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../common/paths';

const exec = promisify(execFile);
const root = projectRoot();
let checkout: string;

/** A small checkout with the real set-up scripts and compiler, and sources of two lines. */
beforeEach(async () => {
  checkout = await mkdtemp(path.join(os.tmpdir(), 'darkroom-checkout-'));
  await cp(path.join(root, 'scripts'), at('scripts'), { recursive: true });
  for (const name of ['tsconfig.json', 'tsconfig.build.json']) await cp(path.join(root, name), at(name));
  await write('package.json', JSON.stringify({ name: 'small', version: '1.0.0', type: 'commonjs' }));
  await write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages: { '': {} } }));
  await write('node_modules/.package-lock.json', JSON.stringify({ packages: {} }));
  for (const name of ['typescript', '@temporalio', '@types', 'undici-types']) {
    await symlink(path.join(root, 'node_modules', name), at('node_modules', name));
  }
  await write('common/names.ts', "export const name = 'one';\n");
  await write('temporal/encryption/failures.ts', 'export const failureConverter = {};\n');
  await write('workflows/traces.ts', 'export const interceptors = () => ({});\n');
  await write(
    'workflows/index.ts',
    "import { name } from '../common/names';\nexport async function hello() {\n  return name;\n}\n",
  );
});

afterEach(() => rm(checkout, { recursive: true, force: true }));

const at = (...parts: string[]) => path.join(checkout, ...parts);

async function write(name: string, text: string): Promise<void> {
  await mkdir(path.dirname(at(name)), { recursive: true });
  await writeFile(at(name), text);
}

/** What the set-up says. */
async function setup(...args: string[]): Promise<string> {
  const { stderr } = await exec(process.execPath, [at('scripts/setup.mjs'), ...args], { cwd: checkout });
  return stderr;
}

test('builds once, says nothing when nothing changed, and follows changed and removed sources', async () => {
  expect(await setup()).toMatch(/^Building\nBundling the workflows\n$/);
  expect(await readFile(at('dist/workflow-bundle.js'), 'utf8')).toContain("'one'");
  expect(await setup()).toBe('');

  const later = new Date(Date.now() + 60_000);
  await utimes(at('common/names.ts'), later, later);
  expect(await setup()).toBe('');

  await write('common/names.ts', "export const name = 'two';\n");
  await write('common/more.ts', 'export const more = 1;\n');
  expect(await setup()).toContain('Building');
  expect(await readFile(at('dist/workflow-bundle.js'), 'utf8')).toContain("'two'");
  expect(existsSync(at('dist/common/more.js'))).toBe(true);

  await rm(at('common/more.ts'));
  await setup();
  expect(existsSync(at('dist/common/more.js'))).toBe(false);
});

test('two at once: one builds, the other waits and finds it done', async () => {
  const said = await Promise.all([setup(), setup()]);
  expect(said.filter((text) => text.includes('Building'))).toHaveLength(1);
  expect(existsSync(at('.darkroom/setup.lock'))).toBe(false);
});

test('the lock of a set-up that died is taken over', async () => {
  await write('.darkroom/setup.lock/pid', '2147483646');
  expect(await setup()).toContain('Building');
});

test('an error in a source is shown with its place, and the next run tries again', async () => {
  await write('common/names.ts', 'export const name: number = "one";\n');
  await expect(setup()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('common/names.ts(1,14)') });
  await expect(setup()).rejects.toMatchObject({ code: 1 });
});

test('an old Node is refused in one sentence', async () => {
  const script = "import('./scripts/setup/node-version.mjs').then((m) => m.checkNode('18.19.0'))";
  await expect(exec(process.execPath, ['-e', script], { cwd: checkout })).rejects.toMatchObject({
    code: 1,
    stderr: 'Darkroom needs Node 20.19.0 or newer, and this is 18.19.0: see https://nodejs.org\n',
  });
});
