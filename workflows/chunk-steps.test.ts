import type { ItemProgress } from '../common/contracts';
import { ChunkSteps } from './chunk-steps';

type Step = ItemProgress['steps'][number];

const chunk = (rungs: string, at: number) => ({
  id: `encode ${rungs} 0:00:0${at}-0:00:0${at + 1}`,
  activity: 'makeChunk' as const,
});
const step = (name: string, state: Step['state'], attempts = state === 'waiting' ? 0 : 1): Step => ({
  name,
  state,
  attempts,
});

test('a letter for each chunk, by its group; steps of other kinds and those that need a name stay', () => {
  const tasks = [0, 1, 2, 3].map((at) => chunk('360p, 480p', at)).concat([0, 1].map((at) => chunk('1080p', at)));
  const chunks = new ChunkSteps();
  chunks.plan([...tasks, { id: 'encode 240p', activity: 'makeOutputs' }]);
  const [first, second, third, fourth, fifth, sixth] = tasks.map(({ id }) => id) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  for (const name of [fifth, fourth, third]) chunks.began(name);
  chunks.ended(fifth, { renditions: [], attempt: 2 });
  const steps = [
    ...[step('encode 240p', 'done'), step(first, 'done'), step(second, 'failed')],
    ...[step(third, 'running'), step(fourth, 'running', 2), step(fifth, 'done'), step(sixth, 'waiting')],
  ];
  expect(chunks.states(steps).chunks).toEqual({
    groups: [
      { rungs: '360p, 480p', states: 'dfrR' },
      { rungs: '1080p', states: 'Dw' },
    ],
    queued: [3, 2],
  });
  expect(chunks.without(steps).map(({ name }) => name)).toEqual(['encode 240p', second, third, fourth]);
});

test('ten thousand chunks, each of them tried again, are an answer of some 30 kB', () => {
  const tasks = Array.from({ length: 10_000 }, (_, at) => ({
    ...chunk('2160p', 0),
    id: `encode 2160p ${at}-${at + 1}`,
  }));
  const chunks = new ChunkSteps();
  chunks.plan(tasks);
  const steps = tasks.map(({ id }) => step(id, 'running', 2));
  const answer = { steps: chunks.without(steps), ...chunks.states(steps) };
  expect(answer.chunks?.groups[0]?.states).toBe('R'.repeat(10_000));
  expect(JSON.stringify(answer).length).toBeLessThan(30_000);
});

test('without chunks nothing is said of them', () => {
  const chunks = new ChunkSteps();
  const steps = [step('video', 'running')];
  expect(chunks.states(steps)).toEqual({});
  expect(chunks.without(steps)).toBe(steps);
});
