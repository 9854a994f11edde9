import type { RungPlan } from '../types';
import { alignRungs } from './align';

const rung = (changes: Partial<RungPlan>): RungPlan => ({
  ...{ name: 'r', width: 640, height: 360, gop: 7, crf: 23, maxrate: 800, bufsize: 1600, speed: 'veryfast' },
  ...changes,
});

/** Rates of rungs (`-`: the source's), what comes of them, and seconds of a segment. */
test.each([
  ['30/1', ['-', '-'], ['30/1 60', '30/1 60'], 6],
  ['60/1', ['-', '30/1'], ['60/1 120', '30/1 60'], 6],
  ['60000/1001', ['-', '30000/1001'], ['60000/1001 120', '30000/1001 60'], 6.006],
  ['24000/1001', ['-', '-'], ['24000/1001 48', '24000/1001 48'], 6.006],
  ['25/1', ['-'], ['25/1 50'], 6],
  ['35/2', ['-'], ['35/2 35'], 6],
  // Rates of which one is not a multiple of the other: the interval is a whole number of frames in both.
  ['70/1', ['35/1', '70/3'], ['35/1 69', '70/3 46'], 5.914],
  ['100/1', ['50/1', '25/1'], ['50/1 100', '25/1 50'], 6],
  // Slide shows.
  ['1/1', ['-'], ['1/1 2'], 6],
  ['1/10', ['-'], ['1/10 1'], 10],
])('%s', (source, rates, expected, seconds) => {
  const { rungs, hls } = alignRungs(
    rates.map((fps) => rung(fps === '-' ? {} : { fps })),
    source,
  );
  expect(rungs.map(({ fps, gop }) => `${fps} ${gop}`)).toEqual(expected);
  expect(hls.segmentSeconds).toBeCloseTo(seconds, 3);
  expect(rungs.every(({ fixedGop }) => fixedGop)).toBe(true);
});

test('nothing is passed through: the keyframes of a source lie anywhere', () => {
  expect(alignRungs([rung({ copy: true })], '25/1').rungs[0]).not.toHaveProperty('copy');
});
