import { EventEmitter, once } from 'node:events';

/**
 * Who is at work in this process: several attempts together, or one alone. While one waits to be alone, no other begins, so
 * that it need not wait for ever.
 */
export class Solitude {
  private together = 0;
  private isAlone = false;
  /** Attempts that wait to be alone. */
  private waiting = 0;
  private readonly changes = new EventEmitter();

  constructor() {
    this.changes.setMaxListeners(0);
  }

  /** An attempt is alone or waits to be: the worker should ask for no other. */
  get isWanted(): boolean {
    return this.isAlone || this.waiting > 0;
  }

  /**
   * Waits for the turn of an attempt. @returns what ends it
   * @throws the signal's reason
   */
  async enter(alone: boolean, signal: AbortSignal): Promise<() => void> {
    if (alone) this.waiting++;
    try {
      await this.until(() => (alone ? this.beAlone() : this.joinOthers()), signal);
    } finally {
      if (alone) this.waiting--;
      this.changes.emit('change');
    }
    return () => {
      if (alone) this.isAlone = false;
      else this.together--;
      this.changes.emit('change');
    };
  }

  /** Waits until attempts may work together. @throws the signal's reason */
  open(signal: AbortSignal): Promise<void> {
    return this.until(() => !this.isWanted, signal);
  }

  private beAlone(): boolean {
    if (this.isAlone || this.together > 0) return false;
    return (this.isAlone = true);
  }

  private joinOthers(): boolean {
    if (this.isWanted) return false;
    this.together++;
    return true;
  }

  /** @param holds takes the turn in the same moment, before anything else can */
  private async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    while (!holds()) {
      signal.throwIfAborted();
      await once(this.changes, 'change', { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

/** Of this process. */
export const solitude = new Solitude();
