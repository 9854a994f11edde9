import { attemptLimit } from './attempt-limit';

const GiB = 2 ** 30;

test.each([
  ['a clip', 3, 2e6, 694],
  ['five minutes', 300, 60e6, 9715],
  ['five minutes of 5 GiB, as editors send them', 300, 5 * GiB, 19_840],
  ['an hour: a day at most', 3600, GiB, 86_400],
  ['a file that states next to nothing', 0.04, 1000, 602],
])('%s', (_what, durationSeconds, bytes, seconds) => {
  expect(attemptLimit({ durationSeconds, bytes })).toBe(seconds);
});

test('a source that was not probed: a day', () => expect(attemptLimit(undefined)).toBe(86_400));
