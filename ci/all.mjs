#!/usr/bin/env node
/**
 * The pipeline on a laptop: `npm run ci` runs every static and unit check and says at the end what passed.
 *
 *   node ci/all.mjs [--integration] [--changed]
 *
 * --integration adds the tests that start servers (.ci/run does); --changed leaves out what the branch does not touch.
 * The last line is "N passed, N failed": each test, and each check beside the tests, counts once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { changedFiles } from './changed.mjs';
import { isMain, reports, root, SKIPPED } from './lib/root.mjs';
import { jobsFor } from './lib/rules.mjs';
import { SUITES } from './lib/suites.mjs';

const GROUPS = {
  static: ['lint', 'types'],
  tests: ['unit', 'integration'],
  deployment: ['chart', 'terraform'],
};

/** Jobs that keep both cores of a small machine busy, or whose servers must answer in time: each runs alone. */
const ALONE = ['unit', 'integration'];

/**
 * Runs a job's script. Its tests count one by one where it has some.
 * @param held true: what the job prints is kept and printed in one piece at its end, because another job runs beside it
 */
async function runJob(name, flags, held) {
  const report = path.join(reports, `${name}.json`);
  rmSync(report, { force: true });
  const begin = Date.now();
  // A test run prints on stderr; stdout is left to the summary.
  const output = held ? 'pipe' : 2;
  const child = spawn(path.join(root, `ci/${name}.sh`), SUITES.includes(name) ? flags : [], {
    cwd: root,
    stdio: ['ignore', output, output],
  });
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => printed.push(bytes));
  if (!held) console.error(`== ${name}`);
  const [status] = await once(child, 'close');
  if (held) process.stderr.write(Buffer.concat([Buffer.from(`== ${name}\n`), ...printed]));
  const tests = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { passed: 0, failed: 0, flaky: [] };
  const own = status === SKIPPED ? 0 : 1;
  return {
    name,
    state: status === 0 ? 'passed' : status === SKIPPED ? 'skipped' : 'FAILED',
    seconds: Math.round((Date.now() - begin) / 1000),
    passed: tests.passed + (status === 0 ? own : 0),
    // Failed tests are why the script failed, so they are not counted a second time.
    failed: tests.failed + (status !== 0 && tests.failed === 0 ? own : 0),
    flaky: tests.flaky.length,
  };
}

/** Runs the jobs that may run beside each other in two lanes, then each of the others by itself. */
async function runJobs(jobs, flags) {
  const results = [];
  const together = jobs.filter((job) => !ALONE.includes(job));
  const lane = async () => {
    for (let job = together.shift(); job !== undefined; job = together.shift()) {
      results.push(await runJob(job, flags, true));
    }
  };
  await Promise.all([lane(), lane()]);
  for (const job of jobs.filter((name) => ALONE.includes(name))) results.push(await runJob(job, flags, false));
  return results;
}

/** The table that closes a run, and its last line. */
export function summary(results) {
  const lines = Object.entries(GROUPS).flatMap(([group, jobs]) => {
    const rows = results.filter(({ name }) => jobs.includes(name));
    return rows.length === 0 ? [] : [group, ...rows.map(row)];
  });
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  return [...lines, `${sum('passed')} passed, ${sum('failed')} failed`].join('\n');
}

function row({ name, state, seconds, passed, failed, flaky }) {
  const counts = `${passed} passed, ${failed} failed${flaky > 0 ? `, ${flaky} flaky` : ''}`;
  return `  ${name.padEnd(12)} ${state.padEnd(8)} ${`${seconds} s`.padStart(6)}  ${counts}`;
}

async function main() {
  const flags = process.argv.slice(2).filter((flag) => flag === '--changed');
  const wanted = flags.length > 0 ? jobsFor(changedFiles()) : jobsFor(undefined);
  const jobs = Object.values(GROUPS)
    .flat()
    .filter((job) => wanted.includes(job) && (job !== 'integration' || process.argv.includes('--integration')));
  const results = await runJobs(jobs, flags);
  console.log(summary(results));
  if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

if (isMain(import.meta.url)) void main();
