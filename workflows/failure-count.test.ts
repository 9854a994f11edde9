import { FailureCount, type Verdict } from './failure-count';

const byInput = { childKilled: true, blame: 'input', reason: 'crash', sourceSha256: 'a' };
const fromOutside = { childKilled: true, blame: 'system', reason: 'killed', sourceSha256: 'a' };
const failure = { message: 'The encoder failed.', sourceSha256: 'a' };

function verdicts(...failures: object[]): Verdict[] {
  const count = new FailureCount();
  return failures.map((details) => count.add({ ...details }));
}
const retry = { retryInMs: expect.any(Number) as number };

test('the second death by the input is quarantine', () => {
  expect(verdicts(byInput, byInput)).toEqual([retry, 'quarantine']);
  expect(verdicts(byInput, failure, byInput)).toEqual([retry, retry, 'quarantine']);
});

test('a death that an older worker reports without a cause counts against the input', () => {
  expect(verdicts({ childKilled: true }, { childKilled: true })).toEqual([retry, 'quarantine']);
});

test('deaths by another content of the source do not add up', () => {
  expect(verdicts(byInput, { ...byInput, sourceSha256: 'b' })).toEqual([retry, retry]);
});

test('failures of the encoder end at the third', () => {
  expect(verdicts(failure, failure, failure)).toEqual([retry, retry, 'give up']);
});

test('a decoder that ends itself by an exit code is a failure like others', () => {
  const exit = { childKilled: true, blame: 'system', reason: 'exit' };
  expect(verdicts(exit, exit, exit)).toEqual([retry, retry, 'give up']);
});

test('deaths from outside never quarantine, wait longer each time up to a minute, and end at the tenth', () => {
  const found = verdicts(...Array.from({ length: 10 }, () => fromOutside));
  expect(found.slice(0, 9)).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60].map((s) => ({ retryInMs: s * 1000 })));
  expect(found[9]).toBe('give up');
});

test('deaths from outside and by the input are counted apart', () => {
  expect(verdicts(fromOutside, byInput, fromOutside, fromOutside, byInput)).toEqual([
    retry,
    retry,
    retry,
    retry,
    'quarantine',
  ]);
});
