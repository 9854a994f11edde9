import { answerFor } from './failures';

/** As the SDK throws them: a gRPC error inside of a sentence about the call. */
const failed = (code: number) =>
  new Error('Failed to list workflows', { cause: Object.assign(new Error('x'), { code }) });

test.each([
  [1, 'CANCELLED', 'TemporalSlow', 'takes too long to answer'],
  [4, 'DEADLINE_EXCEEDED', 'TemporalSlow', 'takes too long to answer'],
  [8, 'RESOURCE_EXHAUSTED', 'TemporalSlow', 'takes too long to answer'],
  [14, 'UNAVAILABLE', 'TemporalUnavailable', 'cannot be reached'],
])('gRPC %i (%s) is answered as %s', (code, _name, problem, words) => {
  expect(answerFor(failed(code))).toMatchObject({
    problem: { status: 503, code: problem, detail: expect.stringContaining(words) },
    retryAfterSeconds: 5,
  });
});

test('what Temporal says of a request stays in the log', () => {
  const said = 'invalid query: column "tenant_secret" of namespace "prod" at 10.0.0.7';
  const error = new Error('Failed', { cause: Object.assign(new Error('x'), { code: 3, details: said }) });
  const { problem, refusal } = answerFor(error);
  expect(problem).toMatchObject({ status: 400, code: 'BadRequest' });
  expect(JSON.stringify(problem)).not.toMatch(/tenant_secret|prod|10\.0/);
  expect(refusal).toBe(said);
});
