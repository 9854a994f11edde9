import { Window } from './window';

/** Work that ends when it is told to, and what has begun so far. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, { end: () => void; fail: () => void }>();
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      begun.push(name);
      ends.set(name, { end: () => resolve(name), fail: () => reject(new Error(name)) });
    });
  return { begun, work, ends };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('so much runs at once, and the rest in its order; a failure makes room as well', async () => {
  const window = new Window(2);
  const { begun, work, ends } = works();
  const all = ['a', 'b', 'c', 'd'].map((name) => window.run(work(name)));
  const ended = Promise.allSettled(all);
  expect(begun).toEqual(['a', 'b']);
  ends.get('b')?.fail();
  await turn();
  expect(begun).toEqual(['a', 'b', 'c']);
  ends.get('a')?.end();
  await turn();
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  ends.get('c')?.end();
  ends.get('d')?.end();
  expect((await ended).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
});

test('without a size everything runs at once', () => {
  const { begun, work } = works();
  const window = new Window();
  for (const name of ['a', 'b', 'c']) void window.run(work(name));
  expect(begun).toEqual(['a', 'b', 'c']);
});
