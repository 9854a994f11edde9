import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { databaseSize, isMostlyFree } from '../../common/embedded-database';
import { which } from '../../common/config/executables';
import { testWhere } from '../../test/support/only-where';
import { vacuumDatabase } from './vacuum';

const testWithPython = testWhere(which('python3') !== undefined, 'python3 is not installed, which makes the databases');
const MIB = 2 ** 20;

let folder: string;
let file: string;
const lines: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-vacuum-'));
  file = path.join(folder, 'temporal.db');
  lines.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

/** A database as the server leaves it, with a row that stays and so many MiB of rows that are gone. */
function make(mib: number): void {
  const script = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('pragma journal_mode=wal')
db.execute('create table kept(x)')
db.execute("insert into kept values('a row')")
db.execute('create table gone(x)')
db.execute('insert into gone values(zeroblob(${mib * MIB}))')
db.commit()
db.execute('drop table gone')
db.commit()
`;
  execFileSync('python3', ['-c', script, file]);
}

const vacuum = (): Promise<void> => vacuumDatabase(file, (line) => lines.push(line));

testWithPython('a database of which most is free gets small, and keeps its rows', async () => {
  make(65);
  expect((await databaseSize(file))!.freeBytes).toBeGreaterThanOrEqual(64 * MIB);
  await vacuum();
  expect((await stat(file)).size).toBeLessThan(MIB);
  expect(await databaseSize(file)).toMatchObject({ freeBytes: 0 });
  const read = `import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select x from kept').fetchall())`;
  expect(execFileSync('python3', ['-c', read, file]).toString()).toContain('a row');
  expect(lines).toEqual([expect.stringMatching(/takes 66 MiB, 6\d MiB of which are free\. Giving that back/)]);
});

testWithPython('a database that another process has open stays as it is', async () => {
  make(65);
  const before = await stat(file);
  const hold = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('begin immediate')
print('held', flush=True)
sys.stdin.read()
`;
  const holder = spawn('python3', ['-c', hold, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  await vacuum();
  holder.stdin.end();
  await once(holder, 'exit');
  expect((await stat(file)).size).toBe(before.size);
  expect(lines.at(-1)).toMatch(/^The file stays as it is\..*locked/);
});

testWithPython('a database with little that is free is not rewritten', async () => {
  make(1);
  const before = (await stat(file)).mtimeMs;
  await vacuum();
  expect([(await stat(file)).mtimeMs, lines]).toEqual([before, []]);
});

test('what is no SQLite database has no size', async () => {
  expect(await databaseSize(file)).toBeUndefined();
  await writeFile(file, 'x'.repeat(200));
  expect(await databaseSize(file)).toBeUndefined();
  await writeFile(file, 'SQLite format 3\0');
  expect(await databaseSize(file)).toBeUndefined();
  await vacuum();
  expect(lines).toEqual([]);
});

test('a file is worth it when 64 MiB, and half of it, are free', () => {
  expect(isMostlyFree({ bytes: 128 * MIB, freeBytes: 64 * MIB })).toBe(true);
  expect(isMostlyFree({ bytes: 128 * MIB, freeBytes: 63 * MIB })).toBe(false);
  expect(isMostlyFree({ bytes: 200 * MIB, freeBytes: 99 * MIB })).toBe(false);
});
