import { databaseSize, isMostlyFree, sizeSentence } from '../../common/embedded-database';
import type { Report } from './report';
import { run } from './run';

/** Longer than SQLite needs for some gigabytes. It leaves the file as it was when it is killed. */
const LIMIT_MS = 120_000;

/** What can rewrite a SQLite file, in the order in which it is tried; the server's program has no such command. */
const PROGRAMS: readonly ((file: string) => [command: string, ...args: string[]])[] = [
  (file) => [process.execPath, '-e', `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('VACUUM')`, file],
  (file) => ['sqlite3', file, 'VACUUM'],
  (file) => ['python3', '-c', "import sqlite3, sys; sqlite3.connect(sys.argv[1], 0).execute('VACUUM')", file],
];

/**
 * Gives free pages of the server's database back to the disk, where most of the file is free. For a server that does not
 * run: SQLite refuses where another process has the file. A file that cannot be rewritten stays as it is, and serves.
 */
export async function vacuumDatabase(file: string, report: Report): Promise<void> {
  const before = await databaseSize(file);
  if (before === undefined || !isMostlyFree(before)) return;
  report(`${sizeSentence(before)} Giving that back to the disk`);
  const outputs: string[] = [];
  for (const program of PROGRAMS) {
    const [command, ...args] = program(file);
    const { code, output } = await run(command, args, { timeoutMs: LIMIT_MS });
    if (code === 0) return;
    outputs.push(output.trim().split('\n').at(-1) ?? '');
  }
  report(`The file stays as it is. It takes Node 22.5, sqlite3 or python3 to rewrite it: ${outputs.join('; ')}`);
}
