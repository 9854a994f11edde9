import { seeded } from './random';

// Looked up once: these run some fifty million times, and a look-up of `Math` is slow in Jest's sandbox.
const { floor } = Math;

/** px; a power of two, so that wrapping round is a bit mask. */
const SIZE = 1024;
const MASK = SIZE - 1;

/** A square of fractal noise that repeats seamlessly; `at` takes any coordinates. Values are about 0.5 ± 0.5. */
export interface NoiseTile {
  /** Nearest value: for detail at the scale of the pixels. */
  at(x: number, y: number): number;
  /** Interpolated value: for shapes larger than a pixel. */
  smooth(x: number, y: number): number;
}

/**
 * A sum of octaves, each of half the size and `roughness` times the strength of the one before. Pictures of the real
 * world fall off like that (about 1/f), which is why JPEG does with them as it does with photos.
 */
export function fractalTile(seed: number, roughness: number): NoiseTile {
  const values = new Float32Array(SIZE * SIZE);
  const random = seeded(seed);
  let strength = 1;
  let total = 0;
  for (let cells = 4; cells <= SIZE; cells *= 2) {
    addOctave(values, cells, strength, random);
    total += strength;
    strength *= roughness;
  }
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / total;
  const at = (x: number, y: number): number => values[((y & MASK) << 10) | (x & MASK)] as number;
  return { at, smooth: (x, y) => interpolate(at, x, y) };
}

/** Adds one grid of `cells` x `cells` random values, spread over the tile with smooth steps between them. */
function addOctave(values: Float32Array, cells: number, strength: number, random: () => number): void {
  const grid = Float32Array.from({ length: cells * cells }, random);
  const step = SIZE / cells;
  for (let y = 0; y < SIZE; y++) {
    const row = floor(y / step);
    const fy = ease(y / step - row);
    const above = row * cells;
    const below = ((row + 1) % cells) * cells;
    for (let x = 0; x < SIZE; x++) {
      const left = floor(x / step);
      const right = (left + 1) % cells;
      const fx = ease(x / step - left);
      const top = mix(grid[above + left] as number, grid[above + right] as number, fx);
      const bottom = mix(grid[below + left] as number, grid[below + right] as number, fx);
      values[y * SIZE + x] = (values[y * SIZE + x] as number) + strength * mix(top, bottom, fy);
    }
  }
}

function interpolate(at: (x: number, y: number) => number, x: number, y: number): number {
  const left = floor(x);
  const top = floor(y);
  const fx = x - left;
  const upper = mix(at(left, top), at(left + 1, top), fx);
  return mix(upper, mix(at(left, top + 1), at(left + 1, top + 1), fx), y - top);
}

export function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

function ease(t: number): number {
  return t * t * (3 - 2 * t);
}
