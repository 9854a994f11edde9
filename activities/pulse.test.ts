import { Pulse } from './pulse';

const STALL = 10_000;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function start() {
  const beats: unknown[] = [];
  const cancel = new AbortController();
  const pulse = new Pulse({ heartbeat: (details) => beats.push(details), cancellationSignal: cancel.signal }, STALL);
  return { pulse, beats, cancel };
}

test('beats for as long as something moves, with the last that was told', () => {
  const { pulse, beats } = start();
  for (let bytes = 1; bytes <= 20; bytes++) {
    pulse.progress({ step: 'publish', bytes });
    jest.advanceTimersByTime(STALL - 1000);
  }
  expect(pulse.signal.aborted).toBe(false);
  expect(beats.length).toBeGreaterThan(50);
  expect(beats.at(-1)).toEqual({ step: 'publish', bytes: 20 });
  pulse.stop();
});

test('where nothing moves, the attempt is ended once, retryably, and beats until it has had time to leave', () => {
  const { pulse, beats } = start();
  pulse.progress({ step: 'publish', path: 'a.mp4', bytes: 7 });
  jest.advanceTimersByTime(STALL + 2000);
  expect(pulse.signal.aborted).toBe(true);
  expect(pulse.signal.reason).toBe(pulse.stalled);
  expect(pulse.stalled).toMatchObject({
    type: 'StorageUnavailable',
    retryable: true,
    details: { step: 'publish', path: 'a.mp4', bytes: 7, silentSeconds: 12 },
  });
  const { length } = beats;
  jest.advanceTimersByTime(10_000);
  expect(beats.length).toBeGreaterThan(length);
  jest.advanceTimersByTime(10_000);
  const last = beats.length;
  jest.advanceTimersByTime(100_000);
  expect(beats).toHaveLength(last);
  expect(pulse.stalled).toMatchObject({ details: { silentSeconds: 12 } });
});

test('work that something else watches may be silent for its limit, and not for longer than that and ours', async () => {
  const { pulse } = start();
  let finish: (() => void) | undefined;
  const work = pulse.within('encode', 60_000, () => new Promise<void>((resolve) => (finish = resolve)));
  jest.advanceTimersByTime(60_000 + STALL);
  expect(pulse.signal.aborted).toBe(false);
  finish?.();
  await work;
  jest.advanceTimersByTime(STALL);
  expect(pulse.signal.aborted).toBe(false);
  void pulse.within('encode', 60_000, () => new Promise<void>(() => undefined));
  jest.advanceTimersByTime(60_000 + STALL + 2000);
  expect(pulse.signal.aborted).toBe(true);
});

test('a cancellation ends the attempt with its own reason', () => {
  const { pulse, cancel } = start();
  const reason = new Error('cancelled');
  cancel.abort(reason);
  expect(pulse.signal.reason).toBe(reason);
  expect(pulse.stalled).toBeUndefined();
  pulse.stop();
});

describe('a process that was frozen', () => {
  const LOST = 30_000;

  function freeze(frozenMs: number) {
    const beats: unknown[] = [];
    const context = {
      heartbeat: (details: unknown) => beats.push(details),
      cancellationSignal: new AbortController().signal,
    };
    return { beats, pulse: new Pulse(context, 60_000, LOST, undefined, { stoodStill: () => frozenMs }) };
  }

  test('for longer than the server waits goes on no further, whether the next step or the next beat comes first', () => {
    const { pulse } = freeze(LOST + 1);
    expect(() => pulse.throwIfOver()).toThrow('The worker stood still for 30 s, so another attempt has begun.');
    const { pulse: beating, beats } = freeze(LOST + 1);
    jest.advanceTimersByTime(2000);
    expect(beating.signal.aborted).toBe(true);
    expect(beats).toEqual([]);
  });

  test('for less goes on', () => {
    const { pulse, beats } = freeze(LOST - 1);
    pulse.throwIfOver();
    jest.advanceTimersByTime(2000);
    expect(beats).toHaveLength(1);
    pulse.stop();
  });
});
