import { DarkroomError } from '../../../common/errors';
import { rootMessage, type RetryOptions } from '../../../temporal/grpc';
import { SetupError } from '../../../local/embedded/report';
import { DarkroomApiError } from '../../../client';
import { formatSeconds } from './format';

/** ms of trouble before a line is worth it: a blip is none. */
const TOLD_AFTER_MS = 2_000;
/** ms between two lines about the same outage. */
const TOLD_EVERY_MS = 30_000;

/** What is waited for, and since when. */
export interface Outage {
  /** `Temporal`, `the store` or the URL of the service. */
  what: string;
  /** ISO 8601 */
  since: string;
}

interface Open {
  since: number;
  toldAt?: number;
}

/** What a command waits for while it tries again, told on stderr: what, since when and why; and when it is back. */
export class Outages {
  private readonly open = new Map<string, Open>();

  constructor(
    private readonly note: (line: string) => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** A call failed and is tried again. */
  failing(error: unknown, what = error instanceof DarkroomError ? 'the store' : 'Temporal'): void {
    const now = this.now();
    const outage = this.open.get(what) ?? { since: now };
    this.open.set(what, outage);
    if (now - outage.since < TOLD_AFTER_MS || now - (outage.toldAt ?? -Infinity) < TOLD_EVERY_MS) return;
    outage.toldAt = now;
    this.note(`Waiting for ${what} since ${clock(outage.since)} (Ctrl-C stops): ${reasonOf(error)}`);
  }

  /** Calls get through again. @param what absent: everything does */
  passed(what?: string): void {
    for (const [name, { since, toldAt }] of this.open) {
      if (what !== undefined && name !== what) continue;
      this.open.delete(name);
      if (toldAt === undefined) continue;
      const text = `${name} answers again, after ${formatSeconds((this.now() - since) / 1000)}.`;
      this.note(text[0]?.toUpperCase() + text.slice(1));
    }
  }

  /** The longest one that was told of. */
  get current(): Outage | undefined {
    for (const [what, { since, toldAt }] of this.open) {
      if (toldAt !== undefined) return { what, since: new Date(since).toISOString() };
    }
    return undefined;
  }
}

/** Our own sentence where there is one; the cause of it is for the log. */
function reasonOf(error: unknown): string {
  const isOurs = error instanceof DarkroomError || error instanceof SetupError || error instanceof DarkroomApiError;
  return isOurs ? error.message : rootMessage(error);
}

/** How a command that starts work waits for Temporal. */
export function patienceFor(outages: Outages, signal: AbortSignal): RetryOptions {
  return { signal, onWait: (error) => outages.failing(error) };
}

/** `14:03:59`, as the clock on the wall shows it. */
export function clock(at: number | string): string {
  return new Date(at).toTimeString().slice(0, 8);
}
