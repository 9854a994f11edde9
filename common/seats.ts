/**
 * What tenants (or hosts) hold for a while: event streams, held answers, uploads, calls. There are so many at once, and fewer
 * for one, so that one always leaves room for others. Counted within this process.
 */
export class Seats {
  private readonly taken = new Map<string, number>();
  private all = 0;

  /** @param ofOne for one at most; undefined, the caller of a server without keys, may have all */
  constructor(
    private readonly most: number,
    private readonly ofOne: number,
  ) {}

  /** @returns gives the seat back, once; undefined: there is none */
  take(tenant: string | undefined): (() => void) | undefined {
    const mine = tenant === undefined ? 0 : (this.taken.get(tenant) ?? 0);
    if (this.all >= this.most || mine >= this.ofOne) return undefined;
    this.add(tenant, 1);
    let held = true;
    return () => {
      if (held) this.add(tenant, -1);
      held = false;
    };
  }

  private add(tenant: string | undefined, change: 1 | -1): void {
    this.all += change;
    if (tenant === undefined) return;
    const mine = (this.taken.get(tenant) ?? 0) + change;
    if (mine === 0) this.taken.delete(tenant);
    else this.taken.set(tenant, mine);
  }
}
