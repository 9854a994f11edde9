import { DarkroomError } from '../common/errors';
import { HEARTBEAT_MS } from '../common/heartbeats';
import type { Recorder } from './deaths/recorder';
import { freezes as processFreezes, type FreezeWatch } from './freeze';

/** ms for a stalled attempt to end processes and drop what it has half sent. */
const LEAVE_MS = 20_000;

/** What the pulse needs of an activity's context. */
interface Beating {
  heartbeat(details?: unknown): void;
  /** Aborted on cancellation, lost heartbeat and at the end of the worker's shutdown grace. */
  cancellationSignal: AbortSignal;
}

/**
 * The one clock of an attempt. It beats to the server while something moves, and ends the attempt where nothing does: an
 * attempt that goes on is never taken for lost, however long it takes, and one that hangs is.
 */
export class Pulse {
  /** Aborted when the attempt is cancelled, stalls, or was frozen for too long. */
  readonly signal: AbortSignal;
  private readonly stall = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private details: object = {};
  private movedAt = performance.now();
  private readonly begunAt = performance.now();
  /** The server has heard of this attempt. */
  private hasTold = false;
  /** Limits of what runs now and is watched by itself, ms. */
  private readonly limits: number[] = [];

  /**
   * @param stallMs an attempt in which nothing moves for longer is ended
   * @param lostMs silence after which the server takes the attempt for lost and starts another one
   * @param recorder adds to each heartbeat what the next attempt has to know
   */
  constructor(
    private readonly context: Beating,
    private readonly stallMs: number,
    private readonly lostMs = Infinity,
    private readonly recorder?: Recorder,
    private readonly freezes: Pick<FreezeWatch, 'stoodStill'> = processFreezes,
  ) {
    this.signal = AbortSignal.any([context.cancellationSignal, this.stall.signal]);
    this.timer = setInterval(() => this.beat(), HEARTBEAT_MS);
    context.cancellationSignal.addEventListener('abort', () => this.conclude(), { once: true });
  }

  /** Something moved: bytes were read, written or sent, frames were made. @param details what the heartbeat shows */
  progress(details: object): void {
    this.movedAt = performance.now();
    this.details = details;
    this.recorder?.progress(details);
  }

  /** Sends a heartbeat now, or as soon as the SDK lets it out. */
  tell(): void {
    this.hasTold = true;
    this.context.heartbeat(this.recorder ? { ...this.details, trail: this.recorder.trail } : this.details);
  }

  /** Says with the last heartbeat that the attempt ends in order, however it ends; its worker did not die. */
  conclude(): void {
    this.recorder?.end();
    if (this.recorder && this.hasTold) this.tell();
  }

  /**
   * Runs work that tells of nothing for a while, and that something else ends after `limitMs` without progress.
   * @param step what the heartbeat shows meanwhile
   */
  async within<T>(step: string, limitMs: number, work: () => Promise<T>): Promise<T> {
    this.progress({ step });
    this.limits.push(limitMs + this.stallMs);
    try {
      return await work();
    } finally {
      this.limits.splice(this.limits.indexOf(limitMs + this.stallMs), 1);
      this.movedAt = performance.now();
    }
  }

  /** Why the attempt was ended, where it stalled. */
  get stalled(): DarkroomError | undefined {
    return this.stall.signal.reason as DarkroomError | undefined;
  }

  /**
   * Throws where the attempt has ended, also if nobody could say so yet: a process that was frozen, and then goes on where it
   * was, must not put into storage what another attempt has done meanwhile.
   */
  throwIfOver(): void {
    this.wasFrozen();
    this.signal.throwIfAborted();
  }

  /** To be called at the end of the attempt. */
  stop(): void {
    clearInterval(this.timer);
  }

  /** Ends the attempt where the process stood still for longer than the server waits. */
  private wasFrozen(): boolean {
    const frozenMs = this.freezes.stoodStill(this.begunAt);
    if (frozenMs <= this.lostMs) return false;
    this.stop();
    const frozenSeconds = Math.round(frozenMs / 1000);
    const message = `The worker stood still for ${frozenSeconds} s, so another attempt has begun.`;
    this.stall.abort(new DarkroomError('StorageUnavailable', message, { frozenSeconds }));
    return true;
  }

  private beat(): void {
    if (this.wasFrozen()) return;
    const silentMs = performance.now() - this.movedAt;
    const limit = Math.max(this.stallMs, ...this.limits);
    if (silentMs > limit && this.stalled === undefined) this.abort(silentMs);
    // What does not listen to the signal, such as a call into a file system that hangs, is given up by the server: no beat.
    if (silentMs > limit + LEAVE_MS) this.stop();
    else this.tell();
  }

  private abort(silentMs: number): void {
    const silentSeconds = Math.round(silentMs / 1000);
    const message = `No byte was read or written for ${silentSeconds} s, so the attempt was ended.`;
    this.stall.abort(new DarkroomError('StorageUnavailable', message, { silentSeconds, ...flat(this.details) }));
  }
}

/** Progress as evidence of a failure. */
function flat(details: object): Record<string, string | number> {
  const entries = Object.entries(details) as [string, unknown][];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string | number] => /^(string|number)$/.test(typeof entry[1])),
  );
}
