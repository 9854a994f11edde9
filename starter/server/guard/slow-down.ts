/** Failures that cost nothing: a typing error, a page whose session has ended. */
const FREE = 10;
const FIRST_MS = 100;
const LONGEST_MS = 5_000;
/** ms after its last failure that an address is forgotten. */
const MEMORY_MS = 10 * 60_000;
/** Addresses that are remembered; the oldest ones go first. */
const MOST = 10_000;

/** Delays the answers to an address that keeps showing wrong keys; whoever shows a right one is never delayed. */
export class SlowDown {
  private readonly failures = new Map<string, { count: number; at: number }>();

  /** @param firstMs delay of the first failure that is not free; it doubles from there on */
  constructor(private readonly firstMs = FIRST_MS) {}

  /** Counts a failure. @returns ms to wait before it is answered */
  add(address: string, now = Date.now()): number {
    const network = networkOf(address);
    const known = this.failures.get(network);
    const count = known !== undefined && now - known.at < MEMORY_MS ? known.count + 1 : 1;
    this.failures.delete(network);
    this.failures.set(network, { count, at: now });
    const [oldest] = this.failures.keys();
    if (this.failures.size > MOST && oldest !== undefined) this.failures.delete(oldest);
    return count <= FREE ? 0 : Math.min(LONGEST_MS, this.firstMs * 2 ** (count - FREE - 1));
  }
}

/** Somebody with one IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  return address.includes(':') && !address.includes('.') ? address.split(':').slice(0, 4).join(':') : address;
}
