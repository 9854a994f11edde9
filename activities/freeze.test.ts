import { FreezeWatch } from './freeze';

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** The clock goes on, and no timer fires: what a process sees that stood still. */
function freeze(ms: number): void {
  const now = performance.now();
  jest.setSystemTime(Date.now() + ms);
  jest.spyOn(performance, 'now').mockImplementation(() => now + ms);
}

test('a process that runs never stood still', () => {
  const watch = new FreezeWatch();
  const since = performance.now();
  jest.advanceTimersByTime(60_000);
  expect(watch.stoodStill(since)).toBe(0);
});

test('work that was begun before is told, and so is a task that arrives right after', () => {
  const watch = new FreezeWatch();
  const since = performance.now();
  jest.advanceTimersByTime(3000);
  freeze(40_000);
  expect(watch.stoodStill(since)).toBe(40_000);
  expect(watch.stoodStill(performance.now())).toBe(40_000);
});

test('work that begins a while later is not concerned', () => {
  const watch = new FreezeWatch();
  freeze(40_000);
  watch.stoodStill(0);
  expect(watch.stoodStill(performance.now() + 6000)).toBe(0);
});
