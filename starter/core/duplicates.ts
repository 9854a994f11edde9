import type { Client } from '@temporalio/client';
import type { Manifest, Placeholder, Rendition } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import { filterQuery } from '../../temporal/batches/filter';
import { attribute, memoText, pageOfRuns, type Run } from '../../temporal/batches/runs';
import { outputOf, smallestPicture, type ManifestCache } from './view/item';

/** Of the 64 bits of a perceptual hash: pictures that differ in no more count as near-duplicates. */
export const DISTANCE = { default: 8, most: 16 };

/** Runs of one request to the server, and manifests that are read at once. */
const PAGE = 1000;
const CONCURRENCY = 16;
/** Pictures that a cache of looks holds; each is some hundred bytes. */
const MOST_LOOKS = 50_000;

/** What a manifest says of an item, as far as it is wanted here. */
interface Look {
  workflowId: string;
  source?: string;
  /** 16 hexadecimal digits; absent for a plain picture, and in manifests from before there were hashes. */
  hash?: string;
  /** px of the source. */
  pixels: number;
  thumbnail?: Rendition;
  placeholder?: Placeholder;
}

/** One picture of a group. */
export interface Duplicate extends Look {
  /** Bits that differ from the first of the group. */
  distance: number;
}

export interface Duplicates {
  /** The largest group first; in it the picture of the largest source, and the others by how unlike that one they are. */
  groups: Duplicate[][];
  /** Images that were looked at. */
  items: number;
  /** Images among them without a hash. */
  unhashed: number;
  /** False where the time was up before all images were looked at. */
  complete: boolean;
}

export interface DuplicateOptions {
  distance: number;
  tenant?: string;
  /** ms after which no further manifest is read. */
  forMs?: number;
  /** Called with the images looked at so far. */
  onProgress?: (items: number) => void;
  signal?: AbortSignal;
}

/** What is known of runs that have ended, so that a second search reads no manifest again. */
export type Looks = Map<string, Look>;

/**
 * Groups the finished images of a batch that look alike, by the hashes in their manifests. A picture belongs to a group when it
 * is near to one of it. Manifests are read one after another, and a few hundred bytes are kept of each.
 */
export async function findDuplicates(
  client: Client,
  manifests: ManifestCache,
  batch: string,
  { distance, tenant, forMs = Infinity, onProgress, signal }: DuplicateOptions,
  looks: Looks = new Map(),
): Promise<Duplicates> {
  const end = performance.now() + forMs;
  const query = filterQuery({ batch, tenant, kind: 'image', state: 'succeeded' });
  const seen = new Set<string>();
  const alike = new Alike(distance);
  let complete = true;
  const look = async (run: Run): Promise<void> => {
    // Of several runs of an item, the one that ended last comes first.
    if (seen.has(run.workflowId)) return;
    seen.add(run.workflowId);
    const known = looks.get(run.runId);
    if (known === undefined && performance.now() >= end) return void (complete = false);
    const found = known ?? (await lookAt(client, manifests, run));
    remember(looks, run.runId, found);
    alike.add(found);
    onProgress?.(alike.items);
  };
  let cursor: string | undefined;
  do {
    signal?.throwIfAborted();
    const page = await pageOfRuns(client, query, PAGE, cursor);
    await forEachBounded(page.runs, CONCURRENCY, look, signal);
    cursor = page.next;
  } while (cursor !== undefined && complete);
  const { items, unhashed } = alike;
  return { groups: alike.groups(), items, unhashed, complete };
}

async function lookAt(client: Client, manifests: ManifestCache, run: Run): Promise<Look> {
  const { workflowId, runId } = run;
  const names = { workflowId, runId, tenant: attribute(run, 'MediaTenant') };
  const manifest = await manifests.get(await outputOf(client, run), names);
  const source = memoText(run, 'source') ?? manifest?.source.uri;
  return { workflowId, source, pixels: 0, ...(manifest && lookOf(manifest)) };
}

function lookOf({ perceptualHash: hash, source, placeholder, ...manifest }: Manifest): Partial<Look> {
  const pixels = (source.width ?? 0) * (source.height ?? 0);
  return { hash, pixels, placeholder, thumbnail: smallestPicture(manifest) };
}

function remember(looks: Looks, runId: string, look: Look): void {
  looks.set(runId, look);
  if (looks.size <= MOST_LOOKS) return;
  const [oldest] = looks.keys();
  if (oldest !== undefined) looks.delete(oldest);
}

/** Pictures as they come, joined to those that they are near to. */
export class Alike {
  items = 0;
  unhashed = 0;
  readonly #looks: Look[] = [];
  /** The two halves of each hash. */
  readonly #high: number[] = [];
  readonly #low: number[] = [];
  /** For each picture one before it in its group, or itself. */
  readonly #before: number[] = [];

  /** @param distance bits in which two pictures of a group may differ, if they are neighbours there */
  constructor(private readonly distance: number) {}

  add(look: Look): void {
    this.items++;
    if (look.hash === undefined) return void this.unhashed++;
    const [high, low] = halves(look.hash);
    const at = this.#looks.push(look) - 1;
    this.#before.push(at);
    const [highs, lows] = [this.#high, this.#low];
    for (let other = 0; other < at; other++) {
      if (bitsOf(highs[other]! ^ high) + bitsOf(lows[other]! ^ low) > this.distance) continue;
      this.#before[this.#first(other)] = this.#first(at);
    }
    this.#high.push(high);
    this.#low.push(low);
  }

  /** As `Duplicates.groups`. */
  groups(): Duplicate[][] {
    const groups = new Map<number, Look[]>();
    this.#looks.forEach((look, at) => {
      const first = this.#first(at);
      const group = groups.get(first);
      if (group) group.push(look);
      else groups.set(first, [look]);
    });
    return [...groups.values()]
      .filter(({ length }) => length > 1)
      .map((members) => byDistance(members))
      .sort((a, b) => b.length - a.length || compare(a[0]!, b[0]!));
  }

  #first(at: number): number {
    let first = at;
    while (this.#before[first] !== first) first = this.#before[first]!;
    // The next one has a shorter way.
    this.#before[at] = first;
    return first;
  }
}

function byDistance(members: Look[]): Duplicate[] {
  const largest = members.reduce((best, each) =>
    each.pixels > best.pixels || (each.pixels === best.pixels && compare(each, best) < 0) ? each : best,
  );
  const [high, low] = halves(largest.hash!);
  const others = members
    .filter((look) => look !== largest)
    .map((look) => {
      const [otherHigh, otherLow] = halves(look.hash!);
      return { ...look, distance: bitsOf(high ^ otherHigh) + bitsOf(low ^ otherLow) };
    });
  return [{ ...largest, distance: 0 }, ...others.sort((a, b) => a.distance - b.distance || compare(a, b))];
}

function compare(a: Look, b: Look): number {
  return a.workflowId < b.workflowId ? -1 : 1;
}

function halves(hash: string): [high: number, low: number] {
  return [Number.parseInt(hash.slice(0, 8), 16) | 0, Number.parseInt(hash.slice(8), 16) | 0];
}

/** How many bits of 32 are set. */
function bitsOf(word: number): number {
  let sums = word - ((word >>> 1) & 0x55555555);
  sums = (sums & 0x33333333) + ((sums >>> 2) & 0x33333333);
  sums = (sums + (sums >>> 4)) & 0x0f0f0f0f;
  sums += sums >>> 8;
  return (sums + (sums >>> 16)) & 0x3f;
}
