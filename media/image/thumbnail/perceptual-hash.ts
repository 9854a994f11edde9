/** px of a side of the grey picture that is looked at, and of the square of slow waves that count. */
export const HASH_SIDE = 32;
const WAVES = 8;
/** Of 255: a picture whose strongest slow wave is weaker than this is plain, and its hash would be noise. */
const PLAIN = 1;

/** Values of the cosine transform: wave x place. */
const COSINES = Array.from({ length: WAVES }, (_, wave) =>
  Float64Array.from({ length: HASH_SIDE }, (__, at) => Math.cos(((2 * at + 1) * wave * Math.PI) / (2 * HASH_SIDE))),
);

/**
 * A hash that hardly changes when a picture is resized, compressed or recoloured a little: which of its 64 slowest waves
 * (DCT) are stronger than their median. The number of bits that differ says how unlike two pictures are. A picture that is
 * turned, mirrored or cropped has another hash.
 * @param grey 32 x 32 bytes
 * @returns 16 hexadecimal digits; undefined for a plain picture, which has nothing to go by
 */
export function perceptualHash(grey: Uint8Array): string | undefined {
  const rows = transformed(grey, HASH_SIDE);
  const waves = transformed(rows, WAVES);
  const [, ...rest] = waves;
  if (Math.max(...rest.map(Math.abs)) * (2 / HASH_SIDE ** 2) < PLAIN) return undefined;
  // The first is the mean brightness: it would always be the strongest.
  const sorted = rest.sort((a, b) => a - b);
  const median = sorted[(sorted.length - 1) / 2]!;
  let hash = 0n;
  for (const wave of waves) hash = (hash << 1n) | (wave > median ? 1n : 0n);
  return hash.toString(16).padStart(16, '0');
}

/** The slow waves along the rows of a picture of 32 px width, turned: a second call gives those along the columns. */
function transformed(values: ArrayLike<number>, rows: number): Float64Array {
  const result = new Float64Array(WAVES * rows);
  for (let row = 0; row < rows; row++) {
    COSINES.forEach((cosines, wave) => {
      let sum = 0;
      for (let at = 0; at < HASH_SIDE; at++) sum += values[row * HASH_SIDE + at]! * cosines[at]!;
      result[wave * rows + row] = sum;
    });
  }
  return result;
}
