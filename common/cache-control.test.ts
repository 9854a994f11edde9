import { ASKED_ANEW, CACHED_FOREVER, cacheControlOf, cacheControlProblem, withoutSharedCaches } from './cache-control';

test.each([
  'public, max-age=600',
  'private, no-cache',
  'no-store',
  'public,max-age=60, s-maxage=3600,stale-while-revalidate=30',
  CACHED_FOREVER,
  ASKED_ANEW,
])('%s is a rule', (value) => {
  expect(cacheControlProblem(value)).toBeUndefined();
});

test.each([
  ['forever', '"forever" is none of public'],
  ['', '"" is none of public'],
  ['public,', '"" is none of public'],
  ['Public', '"Public" is none of public'],
  ['max-age', '"max-age" needs seconds, such as max-age=60'],
  ['max-age=', 'no whole number of seconds'],
  ['max-age=-1', 'no whole number of seconds'],
  ['max-age=1.5', 'no whole number of seconds'],
  ['max-age=9999999999', 'no whole number of seconds up to 2147483648'],
  ['max-age=1=2\r\nx: y', 'no whole number'],
  ['no-store=1', '"no-store=1" is none of'],
  ['max-age=1, max-age=2', '"max-age" stands there twice'],
  ['public, private', '"public" and "private" contradict each other'],
  ['no-store, max-age=5', '"no-store" and "max-age" contradict each other'],
  ['public\r\nset-cookie: a=b', 'is none of'],
])('%j is refused with what is wrong', (value, problem) => {
  expect(cacheControlProblem(value)).toContain(problem);
});

test('a file keeps the rule of its preset, and what can be replaced is asked for anew', () => {
  const preset = 'public, max-age=600';
  expect(cacheControlOf('webp-1-2.webp', preset)).toBe(preset);
  expect(cacheControlOf('webp-1-2.webp', undefined)).toBe(CACHED_FOREVER);
  expect(cacheControlOf('hls-1-2/720p/1.m4s', preset)).toBe(preset);
  for (const name of ['manifest.json', 'hls-1-2/index.m3u8', 'hls-1-2/index.mpd']) {
    expect(cacheControlOf(name, preset)).toBe(ASKED_ANEW);
  }
});

test('answers to one caller stay out of shared caches', () => {
  expect(withoutSharedCaches('public, max-age=600, s-maxage=9')).toBe('private, max-age=600');
  expect(withoutSharedCaches('private, no-cache')).toBe('private, no-cache');
  expect(withoutSharedCaches('no-store')).toBe('private, no-store');
});
