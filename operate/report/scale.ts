/** Round numbers for an axis from 0: about `count` of them, the last at or above `max`. */
export function niceTicks(max: number, count = 4): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, index) => round(index * step));
}

/** Steps that people read on a clock, seconds. */
const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** Seconds from 0 to `max` in clock steps: at most `count` of them. */
export function timeTicks(max: number, count = 8): number[] {
  const largest = 86_400;
  const step = CLOCK_STEPS.find((candidate) => max / candidate <= count) ?? Math.ceil(max / count / largest) * largest;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, index) => index * step);
}

/** `0:45`, `12:30`, `3:00:00` */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** Without the dust of binary fractions. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}
