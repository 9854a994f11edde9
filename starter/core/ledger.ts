import { hash } from 'node:crypto';
import { DarkroomError } from '../../common/errors';
import { withoutSignature } from '../../net/url';
import type { MediaJob } from '../../common/contracts';

/** Items of one ledger unless its maker says otherwise: 2^24 items take about 0.9 GB. */
const MAX_ITEMS = 2 ** 24;
const FIRST_CAPACITY = 1024;
/** Share of the table that may be filled before it doubles. */
const MAX_LOAD = 0.6;

/** Of an item whose run was started or joined; before, it is 0. */
const ACCEPTED = 1;
/** Of an item whose end is counted. */
const CLOSED = 2;

/** The entry that an item's key belongs to already. */
export interface Twin {
  /** Where that entry stands; undefined where it has no place. */
  place: number | undefined;
  /** `same`: the same job in every field. `settings`: the same source with other fields. `source`: another source. */
  differs: 'same' | 'settings' | 'source';
}

/**
 * Every item of one submission, by hashes of 64 bits in flat arrays: 25 bytes a slot, 40 to 80 bytes an item. So a key that
 * is used twice is found, and each item is counted once, however long the list is. Two of a million keys share a hash with
 * a probability of 3 in 100 million.
 */
export class Ledger {
  private keys = new BigUint64Array(FIRST_CAPACITY);
  /** Hash of the source in the upper half, of all other fields in the lower one. */
  private jobs = new BigUint64Array(FIRST_CAPACITY);
  private runs = new Uint32Array(FIRST_CAPACITY);
  /** Plus one; 0: none. */
  private places = new Uint32Array(FIRST_CAPACITY);
  private states = new Uint8Array(FIRST_CAPACITY);
  private size = 0;
  private accepted = 0;

  constructor(private readonly maxItems = MAX_ITEMS) {}

  /** Items whose run was started or joined and whose end is not counted yet. */
  get open(): number {
    return this.accepted;
  }

  /**
   * Takes the key for this job.
   * @returns the earlier entry with the same key; undefined: the key is new
   * @throws DarkroomError InvalidJob when the ledger is full
   */
  claim(key: string, job: MediaJob, place?: number): Twin | undefined {
    const id = hash64(key);
    const print = printOf(job);
    const at = this.find(id);
    if (this.keys[at] === id) {
      const [before = 0n, taken = 0] = [this.jobs[at], this.places[at]];
      const differs = before === print ? 'same' : before >> 32n === print >> 32n ? 'settings' : 'source';
      return { place: taken === 0 ? undefined : taken - 1, differs };
    }
    const added = this.add(id, at);
    this.jobs[added] = print;
    this.places[added] = place === undefined ? 0 : place + 1;
    return undefined;
  }

  /** Notes that the item's run was started or joined. */
  accept(key: string, runId: string): void {
    const id = hash64(key);
    let at = this.find(id);
    if (this.keys[at] !== id) at = this.add(id, at);
    if (this.states[at] !== ACCEPTED) this.accepted++;
    this.states[at] = ACCEPTED;
    this.runs[at] = hash32(runId);
  }

  /** Is this run the accepted one of its item, another run of it, or none that is still to be counted? */
  whose(key: string, runId: string): 'own' | 'other' | 'none' {
    const id = hash64(key);
    const at = this.find(id);
    if (this.keys[at] !== id || this.states[at] !== ACCEPTED) return 'none';
    return this.runs[at] === hash32(runId) ? 'own' : 'other';
  }

  /** Notes that the end of the item's run is counted. */
  close(key: string): void {
    const id = hash64(key);
    const at = this.find(id);
    if (this.keys[at] !== id || this.states[at] !== ACCEPTED) return;
    this.states[at] = CLOSED;
    this.accepted--;
  }

  /** Slot of the id, or the free one where it belongs. */
  private find(id: bigint): number {
    const mask = this.keys.length - 1;
    let at = Number(id & 0xffff_ffffn) & mask;
    while (this.keys[at] !== 0n && this.keys[at] !== id) at = (at + 1) & mask;
    return at;
  }

  private add(id: bigint, at: number): number {
    if (this.size >= this.maxItems) {
      throw new DarkroomError(
        'InvalidJob',
        `One submission takes ${this.maxItems.toLocaleString('en-US')} items at most; send the rest as another one.`,
      );
    }
    let slot = at;
    if (this.size + 1 > this.keys.length * MAX_LOAD) {
      this.grow();
      slot = this.find(id);
    }
    this.size++;
    this.keys[slot] = id;
    return slot;
  }

  private grow(): void {
    const { keys, jobs, runs, places, states } = this;
    const capacity = keys.length * 2;
    this.keys = new BigUint64Array(capacity);
    this.jobs = new BigUint64Array(capacity);
    this.runs = new Uint32Array(capacity);
    this.places = new Uint32Array(capacity);
    this.states = new Uint8Array(capacity);
    keys.forEach((id, from) => {
      if (id === 0n) return;
      const to = this.find(id);
      this.keys[to] = id;
      this.jobs[to] = jobs[from] ?? 0n;
      this.runs[to] = runs[from] ?? 0;
      this.places[to] = places[from] ?? 0;
      this.states[to] = states[from] ?? 0;
    });
  }
}

/** Never 0, which marks a free slot. As hex, since a Buffer for each would cost more than the hash. */
function hash64(text: string): bigint {
  return BigInt(`0x${hash('sha256', text, 'hex').slice(0, 16)}`) || 1n;
}

function hash32(text: string): number {
  return Number.parseInt(hash('sha256', text, 'hex').slice(0, 8), 16);
}

/** The kind is left out: whether it is said or guessed makes no other job. */
function printOf(job: MediaJob): bigint {
  const { source, preset, options, focus, output, priority, tenant, metadata, callbackUrl } = job;
  const words = metadata && Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  const rest = JSON.stringify([preset, output, priority, tenant, words, callbackUrl, options, focus]);
  return (BigInt(hash32(withoutSignature(source))) << 32n) | BigInt(hash32(rest));
}
