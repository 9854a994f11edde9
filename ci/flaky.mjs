#!/usr/bin/env node
/**
 * Runs a suite; files that failed are run again, at most twice, and each retry is reported.
 *
 *   node ci/flaky.mjs SUITE [--changed] [--record-timings]
 *
 * SUITE is unit, integration, chart or terraform. --changed leaves out unit tests that the branch does not touch, and
 * runs touched ones first. CIRCLE_NODE_INDEX and CIRCLE_NODE_TOTAL split the suite by ci/timings.json.
 * Reports: .darkroom/ci/SUITE.json and SUITE.xml (JUnit).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { changedFiles } from './changed.mjs';
import { listTests, runJest } from './lib/jest.mjs';
import { junit } from './lib/junit.mjs';
import { readQuarantine } from './lib/quarantine.mjs';
import { runWithRetries } from './lib/retry.mjs';
import { isMain, reports, root } from './lib/root.mjs';
import { split, suiteOf } from './lib/suites.mjs';

/** Tests with servers wait for more than half of their time, so twice as many run at once as there are cores in CI. */
const WORKERS = { integration: 4 };

const timingsFile = path.join(root, 'ci/timings.json');
const say = (line) => process.stderr.write(`${line}\n`);
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** This machine's share of a suite, in the order to run. */
export function select(suite, { onlyChanged = false, index = 0, total = 1 } = {}) {
  const inSuite = (file) => suiteOf(file, readFileSync(path.join(root, file), 'utf8')) === suite;
  const changed = onlyChanged ? changedFiles() : undefined;
  const present = changed?.filter((file) => existsSync(path.join(root, file)));
  const touched = new Set(present === undefined ? [] : listTests(present));
  // Only unit tests show by their imports what they depend on; the others start processes.
  const narrow = changed !== undefined && suite === 'unit' && onlySources(changed);
  const files = listTests().filter((file) => inSuite(file) && (!narrow || touched.has(file)));
  const share = split(files, readJson(timingsFile), total)[index] ?? [];
  return [...share.filter((file) => touched.has(file)), ...share.filter((file) => !touched.has(file))];
}

/** False when something changed that no import leads to: a preset, a configuration, a script. */
const onlySources = (files) => files.every((file) => /\.(ts|md)$/.test(file) && !file.startsWith('test/support/'));

/** Runs files with retries and quarantine, writes the reports, prints what had to be run again. Returns the exit code. */
export async function runSuite(name, files, { run = runJest, quarantine, folder = reports } = {}) {
  const entries = quarantine ?? readJson(path.join(root, 'ci/quarantine.json'));
  const exists = (file) => existsSync(path.join(root, file));
  const { problems, excused } = readQuarantine(entries, { today: new Date(), exists });
  const outcome = await runWithRetries(files, run, { excused });
  const last = new Map(outcome.attempts.flat().map((result) => [result.file, result]));
  const sum = (key) => [...last.values()].reduce((total, result) => total + (result[key] ?? 0), 0);
  const excusedFailures = outcome.excused.reduce((total, { file }) => total + last.get(file).failed, 0);
  const report = {
    passed: sum('passed'),
    failed: sum('failed') - excusedFailures + problems.length,
    skipped: sum('skipped'),
    retries: outcome.attempts.slice(1).map((results) => results.map(({ file, ok }) => ({ file, ok }))),
    flaky: outcome.flaky,
    failedFiles: outcome.failed,
    quarantined: outcome.excused,
    problems,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(path.join(folder, `${name}.xml`), junit(outcome.attempts));
  for (const { file, failures } of report.flaky) say(`FLAKY ${file}: passed after ${failures} failed run(s)`);
  for (const { file, reason } of report.quarantined) say(`QUARANTINED ${file}: failed, ${reason}`);
  for (const problem of problems) say(`ci/quarantine.json: ${problem}`);
  for (const file of report.failedFiles) say(`FAILED ${file}`);
  say(`${name}: ${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
  return { code: report.failed === 0 && report.failedFiles.length === 0 ? 0 : 1, last };
}

async function main() {
  const [suite, ...flags] = process.argv.slice(2);
  const index = Number(process.env.CIRCLE_NODE_INDEX ?? 0);
  const total = Number(process.env.CIRCLE_NODE_TOTAL ?? 1);
  const files = select(suite, { onlyChanged: flags.includes('--changed'), index, total });
  say(`${suite}: ${files.length} test files`);
  // What failed runs again with less beside it.
  const run = (list, attempt) => runJest(list, attempt === 0 ? { workers: WORKERS[suite] } : {});
  const { code, last } = await runSuite(suite, files, { run });
  if (flags.includes('--record-timings')) {
    const times = Object.fromEntries([...last].map(([file, { ms }]) => [file, ms]));
    const sorted = Object.entries({ ...readJson(timingsFile), ...times }).filter(([file]) =>
      existsSync(path.join(root, file)),
    );
    writeFileSync(timingsFile, `${JSON.stringify(Object.fromEntries(sorted.sort()), null, 2)}\n`);
  }
  process.exitCode = code;
}

if (isMain(import.meta.url)) void main();
