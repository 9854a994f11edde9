/** Lets so many pieces of work run at once, in the order in which they come; the others wait without being scheduled. */
export class Window {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param size absent: no bound */
  constructor(private readonly size = Infinity) {}

  /** Runs the work when there is room. A failure frees its room like an end. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < this.size) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The room is handed on.
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
