/**
 * Runs `work` on each value with at most `concurrency` at once. Values are taken only when there is room: a source that is
 * read from disk or network waits, and memory stays constant.
 * After the first failure or an abort no further value is taken; the call throws when all that ran has ended.
 */
export async function forEachBounded<T>(
  values: AsyncIterable<T> | Iterable<T>,
  concurrency: number,
  work: (value: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const start = (value: T): void => {
    const task: Promise<void> = work(value)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => running.delete(task));
    running.add(task);
  };
  try {
    for await (const value of values) {
      if (failure !== undefined || signal?.aborted) break;
      start(value);
      if (running.size >= concurrency) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
  signal?.throwIfAborted();
}
