import { DarkroomError } from '../../common/errors';
import { Outages } from '../cli/ui/outages';
import { concernsOneJob, patiently, reasonOf, take, type Intake } from './intake';
import { Ledger } from './ledger';

const away = new DarkroomError('StorageUnavailable', 'The store is away.');

test('a file that fails while others get through is rejected after a while; while nothing gets through, it waits', async () => {
  const patient = patiently({ aloneMs: 0, limitMs: Infinity });
  let isAway = true;
  let tries = 0;
  const alone = patient(async () => {
    tries++;
    await Promise.reject(away);
  });
  const caught = alone.catch((error: unknown) => error);
  await patient(async () => {
    if (!isAway) return;
    isAway = false;
    await Promise.reject(away);
  });
  const error = await caught;
  expect(tries).toBeGreaterThan(1);
  expect(concernsOneJob(error)).toBe(true);
  expect(reasonOf(error)).toEqual({
    type: 'StorageUnavailable',
    message: 'The store is away. It was tried again and again while other files got through.',
  });
});

test('with hashed names, an item and its duplicate have a key that tells nothing of the file', async () => {
  const submit: Intake['submit'] = (job) => Promise.resolve({ status: 'started', key: job.id ?? 'none' });
  const intake = { submit, ledger: new Ledger(10), names: 'hashed' } as const;
  const entry = { name: 'x', job: { source: 's3://b/Jane Doe.jpg' } };
  const key = expect.stringMatching(/^[0-9a-f]{24}$/) as string;
  expect(await take(entry, intake)).toMatchObject({ status: 'started', key });
  expect(await take(entry, intake)).toMatchObject({ status: 'duplicate', key });
});

test.each<[string, object, boolean]>([
  ['a wrong job', new DarkroomError('InvalidJob', 'x'), true],
  ['an id that is taken', new DarkroomError('Conflict', 'x'), true],
  ['a store that is away', away, false],
  ['what Temporal refuses', Object.assign(new Error('x'), { code: 3 }), true],
  ['a Temporal that is away', Object.assign(new Error('x'), { code: 14 }), false],
  ['a rate limit', Object.assign(new Error('x'), { status: 429 }), false],
  ['a fault of ours', new TypeError('x'), false],
])('%s concerns one job only: %#', (_, error, expected) => expect(concernsOneJob(error)).toBe(expected));

test('an outage is told after two seconds, again every half minute, and when it is over; a blip is not', () => {
  const notes: string[] = [];
  let now = Date.parse('2025-11-25T12:00:00Z');
  const outages = new Outages(
    (line) => notes.push(line),
    () => now,
  );
  outages.failing(away);
  outages.passed();
  expect([notes.length, outages.current]).toEqual([0, undefined]);
  for (let second = 0; second <= 40; second++, now += 1000) outages.failing(away);
  expect(notes).toHaveLength(2);
  expect(notes[0]).toMatch(/^Waiting for the store since \d\d:\d\d:\d\d \(Ctrl-C stops\): The store is away\.$/);
  expect(outages.current).toEqual({ what: 'the store', since: '2025-11-25T12:00:00.000Z' });
  outages.passed('Temporal');
  expect(notes).toHaveLength(2);
  outages.passed();
  expect(notes[2]).toBe('The store answers again, after 41 s.');
  expect(outages.current).toBeUndefined();
});
