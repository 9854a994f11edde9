import { answerFor } from './failures';

/** As the SDK throws them: a gRPC error inside of a sentence about the call. */
const failed = (code: number) =>
  new Error('Failed to list workflows', { cause: Object.assign(new Error('x'), { code }) });

test.each([
  [4, 'DEADLINE_EXCEEDED', 'TemporalSlow', 'takes too long to answer'],
  [8, 'RESOURCE_EXHAUSTED', 'TemporalSlow', 'takes too long to answer'],
  [14, 'UNAVAILABLE', 'TemporalUnavailable', 'cannot be reached'],
])('gRPC %i (%s) is answered as %s', (code, _name, problem, words) => {
  expect(answerFor(failed(code))).toMatchObject({
    problem: { status: 503, code: problem, detail: expect.stringContaining(words) },
    retryAfterSeconds: 5,
  });
});
