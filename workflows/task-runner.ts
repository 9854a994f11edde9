import type { Task } from '../common/tasks';

/**
 * Runs each task as soon as those that it comes after have ended; everything that is ready runs at once.
 * @param run starts one task and settles with its result; `results` holds those of `task.after`, by id
 * @returns the results of all tasks, by id
 * @throws Error for a plan that names an unknown task, an id twice, or a circle; else what the first task to fail threw
 */
export async function runTasks<T extends Pick<Task, 'id' | 'after'>, R>(
  tasks: readonly T[],
  run: (task: T, results: Record<string, R>) => Promise<R>,
): Promise<Record<string, R>> {
  const started = new Map<string, Promise<R>>();
  for (const task of inOrder(tasks)) {
    const earlier = task.after.map(async (id) => [id, await started.get(id)] as const);
    const result = Promise.all(earlier).then((results) => run(task, Object.fromEntries(results) as Record<string, R>));
    // A task that never starts because an earlier one failed has no failure of its own to report.
    result.catch(() => undefined);
    started.set(task.id, result);
  }
  const all = await Promise.all([...started].map(async ([id, result]) => [id, await result] as const));
  return Object.fromEntries(all);
}

/** The tasks with each behind those that it comes after; otherwise in the plan's order. */
function inOrder<T extends Pick<Task, 'id' | 'after'>>(tasks: readonly T[]): T[] {
  const ordered = new Map<string, T>();
  let rest = [...tasks];
  while (rest.length > 0) {
    const ready = rest.filter((task) => task.after.every((id) => ordered.has(id)));
    if (ready.length === 0)
      throw new Error(`The plan cannot run: ${rest.map(({ id }) => id).join(', ')} wait for ever.`);
    for (const task of ready) {
      if (ordered.has(task.id)) throw new Error(`The plan has two tasks "${task.id}".`);
      ordered.set(task.id, task);
    }
    rest = rest.filter((task) => !ready.includes(task));
  }
  return [...ordered.values()];
}
