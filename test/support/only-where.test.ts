import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import { testWhere } from './only-where';

const IGNORED = new Set(['node_modules', 'dist', '.darkroom', '.git']);

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return IGNORED.has(entry.name) ? [] : testFiles(path.join(folder, entry.name));
    return entry.name.endsWith('.test.ts') ? [path.join(folder, entry.name)] : [];
  });
}

// A test that prints "skipped" and returns counts as passed: nobody sees that it never ran.
test('no test says by itself that it is skipped', () => {
  const files = testFiles(projectRoot()).filter((file) => file !== __filename);
  expect(files.length).toBeGreaterThan(80);
  const offenders = files.filter((file) =>
    /console\.(log|warn|error)\([^;]*skip|^\s*if \([^\n]*\) return(;| console)[^\n]*\n\s*(?:await )?expect/im.test(
      readFileSync(file, 'utf8'),
    ),
  );
  expect(offenders.map((file) => path.relative(projectRoot(), file))).toEqual([]);
});

test('what is missing skips the test and is said once', () => {
  const said = jest.spyOn(console, 'warn').mockImplementation();
  expect(testWhere(false, 'no kettle is installed')).toBe(test.skip);
  expect(testWhere(true, 'never said')).toBe(test);
  expect(said.mock.calls).toEqual([['skipped: no kettle is installed']]);
});
