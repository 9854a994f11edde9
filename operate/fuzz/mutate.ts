import { between, seeded, type Random } from '../../local/samples/random';

/** One of the things that happen to files, or that someone does to them. `other` is another file of the corpus. */
type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const EXTREMES = [0, 1, 7, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
/** Bytes at the beginning in which most sizes and offsets stand. */
const HEAD = 4096;

const place = (random: Random, length: number): number => between(random, 0, Math.max(0, length - 1));

const MUTATIONS: Record<string, Mutation> = {
  'bit flips': (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let n = between(random, 1, 64); n > 0; n--) copy[place(random, copy.length)]! ^= 1 << between(random, 0, 7);
    return copy;
  },
  'bit flips in the head': (bytes, random) => {
    const copy = Buffer.from(bytes);
    const length = Math.min(HEAD, copy.length);
    for (let n = between(random, 1, 16); n > 0; n--) copy[place(random, length)]! ^= 1 << between(random, 0, 7);
    return copy;
  },
  noise: (bytes, random) => {
    const copy = Buffer.from(bytes);
    const from = place(random, copy.length);
    const to = Math.min(copy.length, from + between(random, 1, 4096));
    for (let at = from; at < to; at++) copy[at] = between(random, 0, 255);
    return copy;
  },
  truncation: (bytes, random) => bytes.subarray(0, place(random, bytes.length)),
  'missing beginning': (bytes, random) => bytes.subarray(place(random, bytes.length)),
  splice: (bytes, random, other) => {
    const at = place(random, bytes.length);
    const from = place(random, other.length);
    const piece = other.subarray(from, from + between(random, 1, 65_536));
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  },
  repetition: (bytes, random) => {
    const at = place(random, bytes.length);
    const piece = bytes.subarray(at, at + between(random, 1, 16_384));
    return Buffer.concat([
      bytes.subarray(0, at),
      ...Array<Buffer>(between(random, 1, 8)).fill(piece),
      bytes.subarray(at),
    ]);
  },
  hole: (bytes, random) => {
    const at = place(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + between(random, 1, 4096))]);
  },
  'size field': (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let n = between(random, 1, 4); n > 0 && copy.length >= 8; n--) {
      const at = place(random, Math.min(HEAD, copy.length - 4));
      const value = EXTREMES[place(random, EXTREMES.length)] ?? 0;
      const bigEndian = random() < 0.5;
      const size = random() < 0.5 ? 4 : 2;
      if (bigEndian) copy.writeUIntBE(size === 4 ? value : value & 0xffff, at, size);
      else copy.writeUIntLE(size === 4 ? value : value & 0xffff, at, size);
    }
    return copy;
  },
  'header of another file': (bytes, random, other) => {
    const length = between(random, 4, 512);
    return Buffer.concat([other.subarray(0, length), bytes.subarray(length)]);
  },
  'another file behind it': (bytes, _, other) => Buffer.concat([bytes, other]),
};

const NAMES = Object.keys(MUTATIONS);

/** A file that a run has made of its corpus. */
export interface Mutant {
  bytes: Buffer;
  /** Index in the corpus. */
  of: number;
  /** What was done, in turn. */
  mutations: string[];
}

/** Mutant `number` of a seed: one to three mutations of one file. The same numbers give the same bytes on every machine. */
export function mutant(corpus: readonly Buffer[], seed: number, number: number): Mutant {
  const random = seeded(seed * 1_000_003 + number);
  const of = place(random, corpus.length);
  let bytes = corpus[of] ?? Buffer.alloc(0);
  const mutations: string[] = [];
  for (let rounds = between(random, 1, 3); rounds > 0; rounds--) {
    const name = NAMES[place(random, NAMES.length)] ?? '';
    const other = corpus[place(random, corpus.length)] ?? bytes;
    bytes = MUTATIONS[name]?.(bytes, random, other) ?? bytes;
    mutations.push(name);
  }
  return { bytes, of, mutations };
}
