import { diagnose } from './diagnose';
import { formatBacklog } from './format';
import { nearMisses } from './gather/near-misses';
import { samplesIn } from './gather/workers';
import type { Cause, Evidence, QueueEvidence, StepEvidence } from './types';

const queue = (over: Partial<QueueEvidence> = {}): QueueEvidence => ({
  ...{
    name: 'd-image',
    pool: 'image',
    waiting: 0,
    oldestSeconds: 0,
    workers: ['1@host'],
    gone: [],
    running: 0,
    dispatchRate: 0,
  },
  ...over,
});
const step = (over: Partial<StepEvidence> = {}): StepEvidence => ({
  ...{ workflowId: 'b/1', queue: 'd-image', activity: 'makeImage', source: 's3://photos/1.jpg' },
  ...{ state: 'running', attempt: 1, waitedSeconds: 0, silentSeconds: 1 },
  ...over,
});
const evidence = (over: Partial<Evidence> = {}): Evidence => ({
  temporal: { address: 'localhost:7233', embedded: false, latencyMs: 5 },
  ...{ queuePrefix: 'd', queues: [queue()], strays: [], open: 0, lookedAt: 0, steps: [], storage: [], stages: [] },
  ...over,
});
const backedUp = { waiting: 50, oldestSeconds: 60 };
const failed = (type: string, attempt = 2) =>
  ({ attempt, state: 'backing off', failure: { type, message: 'No.' } }) as const;
const items = (count: number, over: Partial<StepEvidence>) =>
  Array.from({ length: count }, (_, index) => step({ workflowId: `b/${index}`, ...over }));

test.each<[string, Partial<Evidence>, Cause[]]>([
  ['nothing to do', {}, []],
  ['work that has waited for a moment only', { queues: [queue({ waiting: 50, oldestSeconds: 3, workers: [] })] }, []],
  ['scaled to zero without work', { queues: [queue({ workers: [] })] }, []],
  ['nobody serves', { queues: [queue({ ...backedUp, workers: [] })] }, ['no-workers']],
  [
    'somebody polls another name',
    { queues: [queue({ ...backedUp, workers: [] })], strays: [{ name: 'e-image', workers: ['1@host'] }] },
    ['misnamed-queue'],
  ],
  [
    'somebody polls in vain for another pool',
    { queues: [queue({ ...backedUp, workers: [] })], strays: [{ name: 'e-video', workers: ['1@host'] }] },
    ['no-workers'],
  ],
  ['workers without a free slot', { queues: [queue({ ...backedUp, slots: { used: 2, free: 0 } })] }, ['too-few-slots']],
  ['workers whose slots nobody knows', { queues: [queue({ ...backedUp, running: 2 })] }, ['too-few-slots']],
  [
    'workers with a slot that is free just now, while work flows',
    { queues: [queue({ ...backedUp, slots: { used: 0, free: 2 }, dispatchRate: 1.2 })] },
    ['too-few-slots'],
  ],
  ['workers with free slots', { queues: [queue({ ...backedUp, slots: { used: 0, free: 2 } })] }, ['unexplained']],
  [
    'a limit that is reached',
    { queues: [queue({ ...backedUp, limit: { perSecond: 2, by: 'worker' }, dispatchRate: 1.9, running: 1 })] },
    ['rate-limit'],
  ],
  [
    'a limit of nothing at all',
    { queues: [queue({ ...backedUp, limit: { perSecond: 0, by: 'api' } })] },
    ['rate-limit'],
  ],
  [
    'a limit far above what busy workers do',
    { queues: [queue({ ...backedUp, limit: { perSecond: 100, by: 'worker' }, dispatchRate: 2, running: 4 })] },
    ['too-few-slots'],
  ],
  ['a few failures of one item', { steps: [step(failed('SourceUnavailable', 3))] }, []],
  ['many failures of one item', { steps: [step(failed('SourceUnavailable', 4)), ...items(9, {})] }, ['poison-item']],
  ['an item that loses its workers', { steps: [step(failed('Timeout', 6))] }, ['poison-item']],
  ['a store away, at the first failures', { steps: items(5, failed('StorageUnavailable')) }, ['slow-downstream']],
  ['a store away, for long', { steps: items(5, failed('StorageUnavailable', 9)) }, ['slow-downstream']],
  [
    'a store away, and so every slot busy',
    { steps: items(5, failed('SourceUnavailable')), queues: [queue(backedUp)] },
    ['slow-downstream'],
  ],
  ['few failures among many that work', { steps: [...items(3, failed('StorageUnavailable')), ...items(20, {})] }, []],
  [
    'a bucket that does not answer',
    { storage: [{ place: 's3://b', seconds: 15, error: 'no answer' }] },
    ['slow-downstream'],
  ],
  ['a bucket that is slow', { storage: [{ place: 's3://b', seconds: 7 }] }, ['slow-downstream']],
  ['a bucket that is quick', { storage: [{ place: 's3://b', seconds: 0.2 }] }, []],
  [
    'stages that only move bytes take the most',
    {
      stages: [
        { stage: 'fetch', meanSeconds: 9, count: 10 },
        { stage: 'encode', meanSeconds: 2, count: 10 },
      ],
    },
    ['slow-downstream'],
  ],
  [
    'large sources with a larger encode',
    {
      stages: [
        { stage: 'fetch', meanSeconds: 9, count: 10 },
        { stage: 'encode', meanSeconds: 200, count: 10 },
      ],
    },
    [],
  ],
  [
    'a download that stands',
    { steps: [step({ stands: true, said: '{"step":"fetch","bytes":7}' })] },
    ['slow-downstream'],
  ],
  ['an encode that stands', { steps: [step({ stands: true, said: '{"frames":7}' })] }, ['stuck-step']],
  ['an encode that is silent', { steps: [step({ silentSeconds: 25 })] }, ['stuck-step']],
  [
    'an encode that is silent and holds the only slot',
    { steps: [step({ silentSeconds: 25 })], queues: [queue(backedUp)] },
    ['stuck-step'],
  ],
  ['silence while it waits for the next attempt', { steps: [step({ state: 'backing off', silentSeconds: 90 })] }, []],
  ['a slow server', { temporal: { address: 'a:1', embedded: false, latencyMs: 1800 } }, ['temporal-slow']],
  [
    'a slow server, and so work that waits',
    { temporal: { address: 'a:1', embedded: false, latencyMs: 1800 }, queues: [queue(backedUp)] },
    ['temporal-slow'],
  ],
  ['no server', { temporal: { address: 'a:1', embedded: false, error: 'refused' }, queues: [] }, ['temporal-away']],
  ['no server, where the commands bring one', { temporal: { address: 'a:1', embedded: true, error: 'refused' } }, []],
  [
    'two causes at once',
    {
      queues: [queue({ ...backedUp, workers: [] })],
      steps: [step({ ...failed('SourceUnavailable', 8), queue: 'd-video' })],
    },
    ['no-workers', 'poison-item'],
  ],
])('%s', (_, over, causes) => {
  const seen = evidence(over);
  const findings = diagnose(seen);
  expect(findings.map(({ cause }) => cause)).toEqual(causes);
  for (const { evidence: lines, mend } of findings) expect(Math.min(lines.length, mend.length)).toBeGreaterThan(0);
  const text = formatBacklog(seen, findings);
  for (const cause of causes) expect(text).toContain(`(${cause})`);
  expect(text.includes('Nothing backs up.')).toBe(causes.length === 0);
});

test('more of a kind are counted, not told', () => {
  const [finding] = diagnose(evidence({ steps: items(30, { silentSeconds: 40 }) }));
  expect(finding?.evidence).toHaveLength(6);
  expect(finding?.evidence.at(-1)).toBe('and 25 more');
});

test('near misses hold common slips, and few names in all', () => {
  const names = nearMisses('darkroom', 'image', 'darkroom');
  for (const slip of ['darkrom-image', 'drakroom-image', 'Darkroom-image', 'darkroom-images', 'darkroom_image']) {
    expect(names).toContain(slip);
  }
  expect(names).not.toContain('darkroom-image');
  expect(names.length).toBeLessThan(50);
  expect(nearMisses('prod', 'video', 'darkroom')).toContain('darkroom-video');
});

test("Prometheus' text format", () => {
  const text = '# HELP x y\nx{pool="image",le="+Inf"} 3\nplain 4.5e-1\n';
  expect(samplesIn(text)).toEqual([
    { name: 'x', labels: { pool: 'image', le: '+Inf' }, value: 3 },
    { name: 'plain', labels: {}, value: 0.45 },
  ]);
});

test('where nobody has named a server, the command names the embedded one', () => {
  const embedded = { address: '127.0.0.1:27233', embedded: true, latencyMs: 5 };
  const found = diagnose(evidence({ temporal: embedded, queues: [queue({ ...backedUp, workers: [] })] }));
  expect(found[0]?.mend[0]).toBe('TEMPORAL_ADDRESS=127.0.0.1:27233 DARKROOM_POOLS=image npm run worker');
});
