/** More failed files than this are a broken change and no flakiness: nothing is run again. */
const MOST_RETRIED = 10;

/**
 * Runs test files, and those that failed again, at most `retries` times.
 *
 * @param files  paths
 * @param run    (files, attempt) → results `[{ file, ok, … }]`; a file without a result counts as failed
 * @param excused  file → sentence for those in quarantine, whose failure is reported and nothing more
 * @returns attempts: every run's results in order; flaky: passed at last; failed: never passed; excused: failed in quarantine
 */
export async function runWithRetries(files, run, { retries = 2, excused = () => undefined } = {}) {
  const attempts = [];
  const flaky = [];
  let waiting = files;
  for (let attempt = 0; attempt <= retries && waiting.length > 0; attempt++) {
    const results = complete(waiting, await run(waiting, attempt));
    attempts.push(results);
    if (attempt > 0) flaky.push(...results.filter(({ ok }) => ok).map(({ file }) => ({ file, failures: attempt })));
    const failed = results.filter(({ ok }) => !ok).map(({ file }) => file);
    const counted = failed.filter((file) => excused(file) === undefined);
    waiting = counted;
    if (counted.length > MOST_RETRIED) break;
  }
  const last = new Map(attempts.flat().map((result) => [result.file, result]));
  const unsuccessful = [...last.values()].filter(({ ok }) => !ok).map(({ file }) => file);
  return {
    attempts,
    flaky,
    failed: unsuccessful.filter((file) => excused(file) === undefined),
    excused: unsuccessful
      .filter((file) => excused(file) !== undefined)
      .map((file) => ({ file, reason: excused(file) })),
  };
}

/** A run that died leaves files without a result. */
function complete(files, results) {
  const found = new Map(results.map((result) => [result.file, result]));
  return files.map(
    (file) =>
      found.get(file) ?? {
        file,
        ok: false,
        ms: 0,
        passed: 0,
        failed: 0,
        cases: [],
        message: 'no result: the run died',
      },
  );
}
