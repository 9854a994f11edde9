import { Alike } from './duplicates';

/** A picture with a hash that differs from `hash` in the bits named, counted from the right. */
const look = (id: string, hash: bigint, bits: number[] = [], pixels = 1) => ({
  ...{ workflowId: id, pixels },
  hash: bits.reduce((sum, bit) => sum ^ (1n << BigInt(bit)), hash).toString(16).padStart(16, '0'), // prettier-ignore
});
const [CAT, DOG] = [0xf00f_0ff0_1234_5678n, 0x0123_4567_89ab_cdefn];

test('groups what is near, the largest group first, in it the largest source and the others by their distance', () => {
  const alike = new Alike(4);
  const pictures = [
    ...[look('cat-far', CAT, [0, 31, 32, 63]), look('dog', DOG), look('cat', CAT, [], 90), look('other', 0n)],
    ...[
      look('cat-near', CAT, [40], 5),
      look('dog-too', DOG, [7]),
      look('cat-too-far', CAT, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ],
  ];
  for (const picture of pictures) alike.add(picture);
  alike.add({ workflowId: 'plain', pixels: 1 });
  const found = alike.groups().map((group) => group.map(({ workflowId, distance }) => `${workflowId} ${distance}`));
  expect(found).toEqual([
    ['cat 0', 'cat-near 1', 'cat-far 4'],
    ['dog 0', 'dog-too 1'],
  ]);
  expect([alike.items, alike.unhashed]).toEqual([8, 1]);
});

test('a picture between two others joins them, whatever came first', () => {
  const pictures = [look('a', CAT), look('b', CAT, [1, 2, 3]), look('c', CAT, [1, 2, 3, 4, 5, 6])];
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [2, 0, 1],
  ]) {
    const alike = new Alike(3);
    for (const at of order) alike.add(pictures[at]!);
    expect(alike.groups().map((group) => group.length)).toEqual([3]);
  }
});

test('of 10,000 pictures the twins are found', () => {
  // Hashes that are far apart: an odd multiplier spreads the numbers over all bits.
  const hashes = Array.from({ length: 5000 }, (_, at) => BigInt.asUintN(64, BigInt(at + 1) * 0x9e37_79b9_7f4a_7c15n));
  const alike = new Alike(0);
  for (const round of [0, 1]) hashes.forEach((hash, at) => alike.add(look(`${round}-${at}`, hash)));
  const groups = alike.groups();
  expect(groups).toHaveLength(5000);
  expect(groups.every(([one, two]) => one?.workflowId.slice(2) === two?.workflowId.slice(2))).toBe(true);
});
