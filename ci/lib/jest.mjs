import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './root.mjs';

const program = path.join(root, 'node_modules/jest/bin/jest.js');
/** A whole suite takes a quarter of an hour at most; a jest that takes longer hangs. */
const LIMIT_MS = 30 * 60_000;
const relative = (file) => path.relative(root, file).split(path.sep).join('/');

/** Test files that jest would run, as paths inside the repository; `related` narrows them to those that import these. */
export function listTests(related) {
  if (related?.length === 0) return [];
  const args = ['--listTests', '--json', ...(related === undefined ? [] : ['--findRelatedTests', ...related])];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  });
  if (status !== 0) throw new Error(`jest --listTests failed: ${stderr}`);
  return JSON.parse(stdout).map(relative).sort();
}

/**
 * Runs test files in one jest, in this order as far as workers allow.
 * @param options `workers`: how many files run at once; without it, as jest.config.js says
 * @returns one result a file: `{ file, ok, ms, passed, failed, cases: [{ name, ok, skipped, ms, message }], message }`
 */
export async function runJest(files, { config, env = {}, quiet = false, workers } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-jest-'));
  const output = path.join(folder, 'result.json');
  const args = [
    // A failed test may leave a server's connection open: jest then ends all the same, and the run goes on.
    ...[
      '--ci',
      '--forceExit',
      '--json',
      `--outputFile=${output}`,
      '--testSequencer',
      path.join(root, 'ci/lib/sequencer.cjs'),
    ],
    ...(config === undefined ? [] : ['--config', config]),
    ...(workers === undefined ? [] : [`--maxWorkers=${workers}`]),
    ...['--runTestsByPath', ...files],
  ];
  try {
    await new Promise((resolve, reject) => {
      // stdout repeats the JSON of the file; what people read is on stderr.
      const stdio = ['ignore', 'ignore', quiet ? 'ignore' : 'inherit'];
      const order = files.join('\n');
      const child = spawn(process.execPath, [program, ...args], {
        cwd: root,
        stdio,
        env: { ...process.env, ...env, CI_ORDER: order },
      });
      const tooLong = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
      child.once('error', reject).once('exit', () => {
        clearTimeout(tooLong);
        resolve();
      });
    });
    return JSON.parse(readFileSync(output, 'utf8')).testResults.map(toResult);
  } catch (error) {
    // No report: jest itself died. Every file then counts as failed.
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return [];
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function toResult({ name, status, startTime, endTime, message, assertionResults }) {
  const cases = assertionResults.map((test) => ({
    name: test.fullName,
    ok: test.status !== 'failed',
    skipped: test.status === 'pending' || test.status === 'todo',
    ms: test.duration ?? 0,
    message: test.failureMessages.join('\n'),
  }));
  const count = (condition) => cases.filter(condition).length;
  return {
    file: relative(name),
    // Jest calls a file with skipped tests `focused`, and one of nothing else `skipped`.
    ok: status !== 'failed',
    ms: endTime - startTime,
    passed: count(({ ok, skipped }) => ok && !skipped),
    // A file that could not even be loaded has no case to count, and so counts as one.
    failed: Math.max(
      count(({ ok }) => !ok),
      status === 'failed' ? 1 : 0,
    ),
    skipped: count(({ skipped }) => skipped),
    cases,
    message: status === 'failed' ? message : '',
  };
}
