import { runTasks } from './task-runner';

const task = (id: string, ...after: string[]) => ({ id, after });

/** Runs tasks that end when the test says so. */
function manual() {
  const running = new Map<string, { done: (result: string) => void; fail: (error: Error) => void }>();
  const got = new Map<string, Record<string, string>>();
  const run = ({ id }: { id: string }, results: Record<string, string>) => {
    got.set(id, results);
    return new Promise<string>((done, fail) => running.set(id, { done, fail }));
  };
  const end = async (id: string): Promise<void> => {
    running.get(id)?.done(id.toUpperCase());
    running.delete(id);
    await new Promise(setImmediate);
  };
  return { run, running, got, end };
}

test('a task runs as soon as what it comes after has ended, and gets those results', async () => {
  const { run, running, got, end } = manual();
  const all = runTasks([task('publish', 'a', 'b'), task('a', 'sound'), task('b'), task('sound')], run);
  await new Promise(setImmediate);
  expect([...running.keys()].sort()).toEqual(['b', 'sound']);
  await end('sound');
  expect([...running.keys()].sort()).toEqual(['a', 'b']);
  await end('b');
  await end('a');
  expect(got.get('publish')).toEqual({ a: 'A', b: 'B' });
  await end('publish');
  await expect(all).resolves.toEqual({ sound: 'SOUND', b: 'B', a: 'A', publish: 'PUBLISH' });
});

test('the first failure ends the plan, and nothing behind that task starts', async () => {
  const { run, running, end } = manual();
  const all = runTasks([task('a'), task('b', 'a'), task('c')], run);
  await new Promise(setImmediate);
  running.get('a')?.fail(new Error('a broke'));
  await expect(all).rejects.toThrow('a broke');
  await end('c');
  expect(running.has('b')).toBe(false);
});

test.each([
  [[task('a', 'b'), task('b', 'a')], 'a, b wait for ever'],
  [[task('a', 'x')], 'a wait for ever'],
  [[task('a'), task('a')], 'two tasks "a"'],
])('a plan that cannot run is refused by name', async (tasks, sentence) => {
  await expect(runTasks(tasks, async () => 'x')).rejects.toThrow(sentence);
});
