import type { ModelName } from '../common/models';
import { WarmQueues, type QueueLook } from './find-model';

const model: ModelName = 'text';
let now: number;
let looks: number;
let answer: QueueLook | Error;
let queues: WarmQueues;

beforeEach(() => {
  [now, looks] = [0, 0];
  const look = (): Promise<QueueLook> => {
    looks++;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  queues = new WarmQueues(look, () => 5, () => now); // prettier-ignore
});

const ways = async (count: number): Promise<string[]> => {
  const all: string[] = [];
  while (all.length < count) all.push(await queues.wayTo(model));
  return all;
};

test('a model that a worker has is asked there', async () => {
  answer = { isPolled: true, ageSeconds: 0 };
  expect(await ways(3)).toEqual(['warm', 'warm', 'warm']);
});

test('of many tasks of a model that no worker has, one has it loaded and the others wait for that', async () => {
  answer = { isPolled: false, ageSeconds: 0 };
  expect(await ways(3)).toEqual(['common', 'warm', 'warm']);
  now = 5000;
  expect(await ways(2)).toEqual(['common', 'warm']);
});

test('where tasks wait longer than loading takes, another worker is to load the model', async () => {
  answer = { isPolled: true, ageSeconds: 6 };
  expect(await ways(2)).toEqual(['common', 'warm']);
});

test('a further worker loads the model only after the one before had time to work tasks off', async () => {
  answer = { isPolled: true, ageSeconds: 6 };
  expect(await ways(1)).toEqual(['common']);
  now = 19_999;
  expect(await ways(1)).toEqual(['warm']);
  now = 20_000;
  expect(await ways(2)).toEqual(['common', 'warm']);
});

test.each([
  ['late', 20_000],
  ['gone', 5000],
] as const)('of the tasks that come back %s, one has the model loaded elsewhere', async (missed, ms) => {
  answer = { isPolled: true, ageSeconds: 0 };
  const back = (): Promise<string> => queues.wayTo(model, missed);
  expect([await queues.wayTo(model), await back(), await back()]).toEqual(['warm', 'common', 'warm']);
  now = ms;
  expect(await back()).toBe('common');
});

test('the server is asked once a second, and again at once where it did not answer', async () => {
  answer = { isPolled: true, ageSeconds: 0 };
  await ways(10);
  expect(looks).toBe(1);
  now = 1000;
  await ways(10);
  expect(looks).toBe(2);
  now = 2000;
  answer = new Error('away');
  await expect(queues.wayTo(model)).rejects.toThrow('away');
  answer = { isPolled: true, ageSeconds: 0 };
  expect(await ways(1)).toEqual(['warm']);
  expect(looks).toBe(4);
});
