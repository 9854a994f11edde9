import { RangeFinder } from './ranges';

/** Windows of 32 ms: `#` speech, `-` perhaps, `.` none. */
const found = (windows: string) => {
  const finder = new RangeFinder();
  for (const each of windows) finder.add({ '#': 0.9, '-': 0.4 }[each] ?? 0.1);
  return finder.found();
};

test('a range goes from the first to the last window of speech', () => {
  const speech = found(`${'.'.repeat(25)}${'#'.repeat(50)}${'.'.repeat(25)}`);
  expect(speech).toEqual({ seconds: 1.6, ranges: [[0.8, 2.4]] });
});

test('a pause for breath does not end a range, a longer one does', () => {
  const words = '#'.repeat(25);
  expect(found(`${words}${'.'.repeat(9)}${words}`).ranges).toHaveLength(1);
  expect(found(`${words}${'.'.repeat(10)}${words}`).ranges).toHaveLength(2);
});

test('less sure windows go on with a range, and begin none', () => {
  expect(found(`${'-'.repeat(25)}${'#'.repeat(25)}${'-'.repeat(25)}`).ranges).toEqual([[0.8, 2.4]]);
});

test('short sounds are no speech; speech at the end counts', () => {
  expect(found(`${'#'.repeat(7)}${'.'.repeat(25)}`)).toEqual({ seconds: 0, ranges: [] });
  expect(found('#'.repeat(8)).ranges).toEqual([[0, 0.26]]);
});

test('of very many ranges the rest is counted', () => {
  const speech = found(`${'#'.repeat(8)}${'.'.repeat(10)}`.repeat(2001));
  expect([speech.ranges.length, speech.omitted]).toEqual([2000, 1]);
});
