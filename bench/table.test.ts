import { table, toRow } from './table';

const SET = { name: 'photos', count: 20 };

test('a row keeps the whole run with the median wall time, and compares it with the bare loop', () => {
  const bare = [30, 10, 20].map((seconds) => ({ seconds, cpu: seconds + 1 }));
  const queue = [25, 50, 24].map((seconds) => ({ seconds, cpu: seconds + 2, parts: { worker: seconds, client: 2 } }));
  const row = toRow(SET, { bare, queue });
  expect(row).toEqual({
    set: 'photos',
    items: 20,
    runs: { bare: { seconds: 20, cpu: 21 }, queue: { seconds: 25, cpu: 27, parts: { worker: 25, client: 2 } } },
    efficiency: { queue: 0.8 },
  });
});

test('the table has a line a set and the columns of each system', () => {
  const row = toRow(SET, {
    bare: [{ seconds: 20, cpu: 21 }],
    queue: [{ seconds: 25, cpu: 27, parts: { worker: 25, client: 2 } }],
  });
  expect(table([row])).toBe(
    '| sources | items | bare s | queue s | queue efficiency | bare CPU s | queue CPU s (worker + client) |\n' +
      '| --- | --- | --- | --- | --- | --- | --- |\n' +
      '| photos | 20 | 20.0 | 25.0 | 0.80 | 21.0 | 27.0 (25.0 + 2.0) |\n',
  );
});
