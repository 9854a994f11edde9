import { altText } from './alt-text';
import { findLines, inReadingOrder } from './find-lines';
import { sidesOf, smallestRectangle, type Point, type Quad } from './geometry';
import { decodeLine, lying, turnedRound } from './read-line';

const rectangle = (x: number, y: number, width: number, height: number): Quad => [
  [x, y],
  [x + width, y],
  [x + width, y + height],
  [x, y + height],
];

test('the smallest rectangle around a tilted shape is tilted, with its corners from the upper left one on', () => {
  const turn = ([x, y]: Point): Point => [x * Math.cos(0.3) - y * Math.sin(0.3), x * Math.sin(0.3) + y * Math.cos(0.3)];
  const corners = rectangle(10, 10, 100, 20).map(turn);
  const middle = turn([60, 15]);
  const found = smallestRectangle([...corners, middle]);
  for (const [index, corner] of (found ?? []).entries()) {
    expect(corner[0]).toBeCloseTo(corners[index]?.[0] ?? NaN);
    expect(corner[1]).toBeCloseTo(corners[index]?.[1] ?? NaN);
  }
  expect(found).toHaveLength(4);
});

test('points on a line have none', () => {
  expect(smallestRectangle([])).toBeUndefined();
  expect(smallestRectangle([[0, 0], [1, 1], [2, 2]])).toBeUndefined(); // prettier-ignore
});

test('lines are the areas of which the map is sure, grown by what the detector leaves out', () => {
  const [width, height] = [100, 60];
  const data = new Float32Array(width * height);
  const fill = (x: number, y: number, w: number, h: number, value: number): void => {
    for (let row = y; row < y + h; row++) data.fill(value, row * width + x, row * width + x + w);
  };
  fill(20, 30, 41, 11, 0.9);
  // Too small, and not sure enough.
  fill(5, 5, 2, 2, 0.9);
  fill(70, 5, 20, 8, 0.4);
  const [line, ...others] = findLines({ data, width, height });
  expect(others).toEqual([]);
  // 40 x 10 from the first px to the last one: 1.5 * 400 / 100 = 6 px further on each side.
  expect(line).toEqual(rectangle(14, 24, 52, 22));
});

test('people read from the top, and from the left within a row', () => {
  const [a, b, c] = [rectangle(0, 0, 50, 20), rectangle(60, 4, 50, 20), rectangle(0, 40, 50, 20)];
  expect(inReadingOrder([c, b, a])).toEqual([a, b, c]);
});

test('a line that stands on its side lies down', () => {
  expect(lying(rectangle(0, 0, 50, 20))).toEqual(rectangle(0, 0, 50, 20));
  const standing = lying(rectangle(0, 0, 20, 50));
  expect(standing[0]).toEqual([20, 0]);
  expect(sidesOf(standing)).toEqual({ width: 50, height: 20 });
  expect(turnedRound(turnedRound(standing))).toEqual(standing);
});

test('a character counts once while it is repeated, and twice with a blank between', () => {
  const characters = ['', 'a', 'b'];
  const step = (best: number): number[] => characters.map((_, index) => (index === best ? 0.8 : 0.1));
  const read = decodeLine(Float32Array.from([1, 1, 0, 1, 2, 2].flatMap(step)), characters);
  expect(read.text).toBe('aab');
  expect(read.confidence).toBeCloseTo(0.8);
  expect(decodeLine(new Float32Array(0), characters)).toEqual({ text: '', confidence: 0 });
});

test('an alternative text is one sentence that ends between words', () => {
  expect(altText([])).toBe('');
  expect(altText(['Two ', ' lines'])).toBe('Two lines');
  const long = altText(Array.from({ length: 100 }, () => 'ten chars.'));
  expect(long.length).toBeLessThanOrEqual(500);
  expect(long).toMatch(/ chars\. ten…$/);
  expect(altText(['字'.repeat(600)])).toHaveLength(500);
});
