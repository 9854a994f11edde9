#!/usr/bin/env node
/**
 * Runs each new or changed test file 20 times, so that a flaky test is caught by the branch that brings it.
 *
 *   node ci/burn-in.mjs [FILE …]   without files: those of this branch
 *
 * Stops at the first failure, or after BURN_IN_MINUTES (default 15) with a word on how often it ran.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { changedFiles } from './changed.mjs';
import { runJest } from './lib/jest.mjs';
import { isMain, root } from './lib/root.mjs';

const TIMES = 20;

/**
 * @param run  (files) → results, as runJest
 * @returns runs made, and the first run's failures
 */
export async function burnIn(files, run, { times = TIMES, until = Infinity, now = Date.now } = {}) {
  for (let done = 0; done < times; done++) {
    if (now() >= until) return { runs: done, failed: [] };
    const results = await run(files);
    const passed = new Set(results.filter(({ ok }) => ok).map(({ file }) => file));
    const failed = files.filter((file) => !passed.has(file));
    if (failed.length > 0) return { runs: done + 1, failed };
  }
  return { runs: times, failed: [] };
}

async function main() {
  const named = process.argv.slice(2);
  const changed = named.length > 0 ? named : (changedFiles() ?? []);
  const files = changed.filter((file) => file.endsWith('.test.ts') && existsSync(path.join(root, file)));
  if (files.length === 0) {
    console.log('burn-in: no test file is new or changed');
  } else {
    const until = Date.now() + Number(process.env.BURN_IN_MINUTES ?? 15) * 60_000;
    const { runs, failed } = await burnIn(files, (list) => runJest(list, { quiet: true }), { until });
    const names = files.join(' ');
    if (failed.length > 0) console.log(`burn-in: run ${runs} of ${TIMES} failed: ${failed.join(' ')}`);
    else
      console.log(`burn-in: ${runs} of ${TIMES} runs passed${runs < TIMES ? ', then the time was up' : ''}: ${names}`);
    process.exitCode = failed.length > 0 ? 1 : 0;
  }
}

if (isMain(import.meta.url)) void main();
