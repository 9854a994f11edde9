/** A rate or ratio as tools write it, so that 29.97 stays exactly 30000/1001. */
export interface Fraction {
  num: number;
  den: number;
}

/** Reads `30000/1001`, `4:3` or `25`; zero over zero and other nonsense become `otherwise`. */
export function fraction(text: string | undefined, otherwise: Fraction = { num: 1, den: 1 }): Fraction {
  const [num = NaN, den = 1] = (text ?? '').split(/[/:]/).map(Number);
  return num > 0 && den > 0 && Number.isFinite(num / den) ? { num, den } : otherwise;
}

export function reduced({ num, den }: Fraction): Fraction {
  let [a, b] = [num, den];
  while (b !== 0) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}
