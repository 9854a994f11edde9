import type { ProcessIdentity } from '../../common/this-process';
import { deathsUntil, slackOf, trailIn, verdictOn, type Death, type Trail } from './rules';

const worker: ProcessIdentity = { boot: 'b', namespace: '1', pid: 7, started: '70' };
const died = (over: Partial<Death> = {}): Death => {
  const seconds = over.seconds ?? 10;
  return { step: 'encode', seconds, slack: slackOf(seconds), alone: false, sourceSha256: 'a', ...over };
};
const trail = (over: Partial<Trail> = {}): Trail => ({ ...died(), worker, deaths: [], ...over });
const dead = (): boolean => false;

test('an attempt that left off in the middle of its work died with its worker', () => {
  expect(deathsUntil(trail(), dead)).toEqual([died()]);
  expect(deathsUntil(trail({ deaths: [died({ step: 'start' })] }), dead)).toEqual([died({ step: 'start' }), died()]);
});

test('an attempt that ended in order, or whose process lives, is no death, and keeps those before', () => {
  const deaths = [died()];
  expect(deathsUntil(undefined, dead)).toEqual([]);
  expect(deathsUntil(trail({ ended: true, deaths }), dead)).toEqual(deaths);
  expect(deathsUntil(trail({ deaths }), ({ pid }) => pid === worker.pid)).toEqual(deaths);
});

test('what is remembered stays small, however often workers die', () => {
  let deaths: Death[] = [];
  for (let count = 0; count < 100; count++) deaths = deathsUntil(trail({ deaths, seconds: count }), dead);
  expect(deaths.length).toBeLessThan(10);
  expect(deaths.at(-1)?.seconds).toBe(99);
});

test('after two deaths an input is worked on alone, and deaths beside others are never its fault', () => {
  expect(verdictOn([])).toBe('together');
  expect(verdictOn([died()])).toBe('together');
  expect(verdictOn([died(), died()])).toBe('alone');
  expect(verdictOn(Array.from({ length: 6 }, () => died()))).toBe('alone');
});

test('two deaths alone at about the same place are its fault', () => {
  const alone = (over: Partial<Death> = {}): Death => died({ alone: true, ...over });
  expect(verdictOn([died(), died(), alone()])).toBe('alone');
  expect(verdictOn([died(), died(), alone(), alone({ seconds: 13 })])).toBe('quarantine');
  expect(verdictOn([died(), died(), alone(), alone({ seconds: 100 }), alone({ seconds: 14 })])).toBe('quarantine');
});

test('two deaths alone at different places, or over different contents, are not', () => {
  const alone = (over: Partial<Death>): Death => died({ alone: true, ...over });
  expect(verdictOn([died(), died(), alone({ seconds: 10 }), alone({ seconds: 100 })])).toBe('alone');
  expect(verdictOn([died(), died(), alone({ step: 'fetch' }), alone({ step: 'encode' })])).toBe('alone');
  expect(verdictOn([died(), died(), alone({ sourceSha256: 'a' }), alone({ sourceSha256: 'b' })])).toBe('alone');
});

test('the faster ffmpeg goes, the further two heartbeats of one place may be apart', () => {
  expect(slackOf(100, 10)).toBe(60 + 10);
  expect(slackOf(100, 0)).toBe(6 + 10);
});

test('what another version left in the heartbeat is no trail', () => {
  expect(trailIn(undefined)).toBeUndefined();
  expect(trailIn({ step: 'encode' })).toBeUndefined();
  expect(trailIn({ trail: 'x' })).toBeUndefined();
  expect(trailIn({ step: 'encode', trail: trail() })).toEqual(trail());
});
