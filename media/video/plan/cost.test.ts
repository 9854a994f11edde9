import type { MediaProbe, RungPlan, VideoPlan } from '../types';
import { estimateCpuSeconds, groupBranches, totalCost, type Costs } from './cost';

const rung = (name: string, width: number, height: number, fields: Partial<RungPlan> = {}): RungPlan => ({
  ...{ name, width, height, gop: 60, crf: 23, maxrate: 3000, bufsize: 6000, speed: 'veryfast' },
  ...fields,
});
const probe = (seconds: number) =>
  ({
    durationSeconds: seconds,
    video: { width: 1280, height: 720, fps: '30/1', frames: 30 * seconds, durationSeconds: seconds },
  }) as MediaProbe;
const plan = (...rungs: RungPlan[]): VideoPlan => ({ rungs });

test('twice the video costs twice as much; a slower preset and more pixels cost more, a copied rung only its decoding', () => {
  const cost = (seconds: number, ...rungs: RungPlan[]) => totalCost(estimateCpuSeconds(probe(seconds), plan(...rungs)));
  const hd = rung('720p', 1280, 720);
  expect(cost(20, hd) / cost(10, hd)).toBeCloseTo(2);
  expect(cost(10, { ...hd, speed: 'slow' })).toBeGreaterThan(2 * cost(10, hd));
  expect(cost(10, rung('360p', 640, 360))).toBeLessThan(cost(10, hd));
  expect(cost(10, { ...hd, copy: true })).toBeLessThan(cost(10, rung('360p', 640, 360)));
});

describe('groups', () => {
  const costs: Costs = new Map([
    ['rung:1080p', 100],
    ['rung:720p', 50],
    ['rung:480p', 30],
    ['rung:360p', 20],
    ['poster', 1],
    ['sprite', 10],
  ]);
  const groups = (taskSeconds: number) => groupBranches(costs, taskSeconds).map(({ branches }) => branches);

  test('are of similar cost, and what needs pictures only goes along with the cheapest', () => {
    expect(groups(110)).toEqual([
      ['rung:1080p', 'poster', 'sprite'],
      ['rung:720p', 'rung:480p', 'rung:360p'],
    ]);
    expect(groupBranches(costs, 110).map(({ cost }) => cost)).toEqual([111, 100]);
  });

  test('are one without rungs, and none for nothing', () => {
    const others: Costs = new Map([...costs].filter(([branch]) => !branch.startsWith('rung:')));
    expect(groupBranches(others, 1)).toEqual([{ branches: ['poster', 'sprite'], cost: 11 }]);
    expect(groupBranches(new Map(), 1)).toEqual([]);
  });

  test('are one for everything, or one a rung at most', () => {
    expect(groups(1000)).toEqual([[...costs.keys()]]);
    expect(groups(0)).toEqual([['rung:1080p'], ['rung:720p'], ['rung:480p'], ['rung:360p', 'poster', 'sprite']]);
  });
});
