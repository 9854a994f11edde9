import type { Sharp } from 'sharp';
import { fromPixels, resize, type Still } from '../still';
import { withProfile } from '../wide';
import type { Rect, Size } from './layout';

/** One resize: which px of the still become how many, with the still's profile or in sRGB. */
export interface Resize {
  rect: Rect;
  size: Size;
  profile: boolean;
}

/** Does a resize of a still, or takes the pixels of an earlier one. */
export type Resizer = (wanted: Resize) => Promise<Sharp>;

/**
 * How much larger a result has to be, along each side, for a smaller one to be made of it. From there on the smaller one is as
 * near to an ideal resize of the still as if it were made of the still; below, fine patterns suffer
 * (docs/measurements/2026-11.md#resizes).
 */
const LEAST_RATIO = 2;

/** Bytes of resized pixels that are held for renditions to come. */
const MAX_BYTES = 64 * 2 ** 20;
/** Keeping a px of a result costs about as much as reading this many px of what it was made of. */
const COST = 2;

interface Node extends Resize {
  /** Renditions that want this very result. */
  wanted: number;
  /** The kept result that it is made of; absent: the still. */
  from?: Node;
  pixels?: () => Promise<() => Sharp>;
}

/**
 * Plans the resizes of all renditions: equal ones are done once, and what is at least twice as large serves for smaller ones of
 * the same part of the still.
 */
export function resizesOf(still: Still, all: readonly Resize[]): Resizer {
  const nodes = new Map<string, Node>();
  for (const each of all) {
    const node = nodes.get(keyOf(each)) ?? { ...each, wanted: 0 };
    node.wanted += 1;
    nodes.set(keyOf(each), node);
  }
  const largestFirst = [...nodes.values()].sort((a, b) => area(b.size) - area(a.size));
  const kept: Node[] = [];
  let bytes = 0;
  for (const node of largestFirst) {
    node.from = kept.findLast((larger) => serves(larger, node));
    const held = area(node.size) * 4;
    if (!isWorth(node, largestFirst) || bytes + held > MAX_BYTES) continue;
    bytes += held;
    node.pixels = once(async () => pixelsOf(await resized(still, node), node.profile));
    kept.push(node);
  }
  return async (wanted) => {
    const node = nodes.get(keyOf(wanted)) ?? { ...wanted, wanted: 1 };
    return node.pixels ? (await node.pixels())() : resized(still, node);
  };
}

async function resized(still: Still, { from, rect, size, profile }: Node): Promise<Sharp> {
  if (from?.pixels) return resize((await from.pixels())(), from.size, size);
  const whole = still.pipeline(profile);
  const isWhole = rect.width === still.size.width && rect.height === still.size.height;
  return resize(isWhole ? whole : whole.extract(rect), rect, size);
}

const area = ({ width, height }: Size): number => width * height;

const keyOf = ({ rect, size, profile }: Resize): string =>
  [rect.left, rect.top, rect.width, rect.height, size.width, size.height, profile].join();

/** Can the smaller one be made of the larger one? */
function serves(larger: Resize, smaller: Resize): boolean {
  const isSame = keyOf({ ...larger, size: smaller.size }) === keyOf(smaller);
  // Sides are rounded: 853 px are twice 427.
  const isEnough = (large: number, small: number): boolean => large >= LEAST_RATIO * (small - 0.5);
  const { width, height } = smaller.size;
  return isSame && isEnough(larger.size.width, width) && isEnough(larger.size.height, height);
}

/** Does keeping the result save more than the copy costs? What is not resized is there already. */
function isWorth(node: Node, all: readonly Node[]): boolean {
  if (node.rect.width === node.size.width && node.rect.height === node.size.height) return false;
  if (node.wanted > 1) return true;
  const smaller = all.filter((other) => serves(node, other)).length;
  return smaller * (area(node.from?.size ?? node.rect) - area(node.size)) >= COST * area(node.size);
}

/** Fresh pipelines over the pixels of a result, which is drawn once. */
async function pixelsOf(picture: Sharp, profile: boolean): Promise<() => Sharp> {
  if (profile) return withProfile(picture);
  const { data, info } = await picture
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  return () => fromPixels(data, raw);
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
