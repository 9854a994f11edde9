import { reduced, type Fraction } from '../fraction';

/** Divides a rate by a whole number until it fits, so that frames are dropped evenly: 50 → 25, 59.94 → 29.97, 120 → 60. */
export function lowerRate(source: Fraction, cap: number): Fraction {
  const times = Math.ceil(source.num / source.den / cap - 0.01);
  return times <= 1 ? source : reduced({ num: source.num, den: source.den * times });
}

/** Even sizes, `most` px wide at most, never enlarged. */
export function fitWidth(width: number, height: number, most: number): { width: number; height: number } {
  const scale = Math.min(1, most / width);
  return { width: even(width, scale), height: even(height, scale) };
}

/** The nearest even number that is not above the source. */
export function even(side: number, scale: number): number {
  return Math.max(2, Math.min(2 * Math.round((side * scale) / 2), 2 * Math.floor(side / 2)));
}
