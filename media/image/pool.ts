import type { Logger } from '../../common/logger';
import type { CauseOfDeath } from '../../common/death';
import { DarkroomError } from '../../common/errors';
import { oomKills } from '../../common/memory';
import { noteCommand } from '../../common/meter';
import { built } from '../../common/paths';
import { confine } from '../../common/process-limits';
import { deathOf, TaskChild, type Exit, type KillReason } from '../../common/task-child';
import { liesInside, readReply } from './reply';
import type { ImageOutcome, ImageTask } from './types';

export type { ImageOutcome, ImageTask } from './types';

export interface ImagePoolOptions {
  /** Images at once, each in a process of its own. */
  size: number;
  /** ms of wall time for one image; then its process is killed. */
  timeoutMs: number;
  /** Resident bytes of one process; above, it is killed (where there is /proc). */
  maxRssBytes: number;
  logger?: Logger;
  /** Images after which a process is replaced, in case a decoder leaks. */
  recycleAfter?: number;
  /** Module of the child process; tests put in one that misbehaves. */
  entry?: string;
}

/** ms between looks at the children's memory. */
const WATCH_INTERVAL = 100;

const NONSENSE = 'The process that works on this image gave an answer that makes no sense, and was stopped.';
/** Libraries, the channel, an input and some outputs, of which none is larger than all pixels of the largest source. */
const LIMITS = { apart: true, openFiles: 256, fileBytes: 4 * 2 ** 30 };
/** Bytes of writable memory that never become resident: a Node with its decoders has 0.2 GiB of those. */
const NOT_RESIDENT = 2 ** 30;

/**
 * Pixels lie outside of V8's heap, and each few dozen MB of those made V8 mark all of it, of 10 MB, step by step: 8 to 12 % of
 * the CPU of a photo. Without steps V8 collects the young objects, which are those that hold pixels.
 */
const V8 = ['--no-incremental-marking'];

/** One thread encodes, one writes. */
const ENV = { UV_THREADPOOL_SIZE: '2' };

type ImageChild = TaskChild<ImageTask, ImageOutcome>;

interface Slot {
  child?: ImageChild;
  busy: boolean;
}

interface Waiter {
  take(slot: Slot): void;
  reject(reason: unknown): void;
}

/**
 * Child processes that run {@link ImageTask}s: one a slot, started when first needed, used again, replaced when it dies.
 * A file that crashes, hangs or bloats its decoder costs its own process and no other.
 */
export class ImagePool {
  readonly #options: Required<Omit<ImagePoolOptions, 'logger'>> & Pick<ImagePoolOptions, 'logger'>;
  readonly #slots: Slot[];
  readonly #waiting: Waiter[] = [];
  #watchdog?: NodeJS.Timeout;
  #closed = false;

  constructor(options: ImagePoolOptions) {
    this.#options = { recycleAfter: 1000, entry: built('media/image/child.js'), ...options };
    this.#slots = Array.from({ length: options.size }, () => ({ busy: false }));
  }

  /**
   * Waits for a free slot, then for the result.
   * @throws DarkroomError what the file deserves, or `EncoderFailed` with `childKilled: true` when its process died
   * @throws the signal's reason, after the process that worked on the task is gone
   */
  async run(task: ImageTask, signal?: AbortSignal): Promise<ImageOutcome> {
    const slot = await this.#acquire(signal);
    try {
      return await this.#work(slot, task, signal);
    } finally {
      this.#release(slot);
    }
  }

  /** `rssBytes`: resident memory of all children now; 0 where the system has no /proc. */
  stats(): { size: number; busy: number; rssBytes: number } {
    const rssBytes = this.#slots.reduce((sum, { child }) => sum + (child?.rss() ?? 0), 0);
    return { size: this.#slots.length, busy: this.#slots.filter(({ busy }) => busy).length, rssBytes };
  }

  /** Process ids of the children that run now. */
  pids(): number[] {
    return this.#slots.flatMap(({ child }) => child?.pid ?? []);
  }

  /** Ends all children, also those at work, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(closedError());
    await Promise.all(this.#slots.map((slot) => this.#discard(slot, { aborted: closedError() })));
  }

  async #acquire(signal?: AbortSignal): Promise<Slot> {
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
    const slot = this.#slots.find(({ busy }) => !busy) ?? (await this.#freed(signal));
    slot.busy = true;
    this.#watchdog ??= setInterval(() => this.#watch(), WATCH_INTERVAL);
    return slot;
  }

  /** First come, first served: a slot goes straight from its last user to the first in the queue. */
  #freed(signal?: AbortSignal): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        take: (slot) => {
          signal?.removeEventListener('abort', leave);
          resolve(slot);
        },
        reject,
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        // The signal's reason is thrown as it is, whatever it is.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #release(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next) return next.take(slot);
    slot.busy = false;
    if (this.#slots.some(({ busy }) => busy)) return;
    clearInterval(this.#watchdog);
    this.#watchdog = undefined;
  }

  async #work(slot: Slot, task: ImageTask, signal?: AbortSignal): Promise<ImageOutcome> {
    signal?.throwIfAborted();
    const child = await this.#child(slot);
    const timer = setTimeout(() => child.kill('timeout'), this.#options.timeoutMs);
    const abort = () => child.kill({ aborted: signal?.reason });
    const killsBefore = oomKills();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const reply = await child.ask(task);
      const outputs = task.preset.renditions.map(({ name, format }) => `${task.outputDir}/${name}.${format}`);
      noteCommand('sharp', [task.input, ...outputs], child.usage);
      if (reply === undefined || child.killedFor !== undefined) {
        throw this.#death(child, await this.#bury(slot, child), oomKills() > killsBefore);
      }
      if (this.#worn(child)) await this.#discard(slot, 'recycled');
      if (reply.ok && !(await liesInside(reply.outcome, task))) {
        await this.#discard(slot, 'nonsense');
        throw new DarkroomError('EncoderFailed', NONSENSE, { childKilled: true, reason: 'nonsense', blame: 'input' });
      }
      if (reply.ok) return reply.outcome;
      throw new DarkroomError(reply.error.type, reply.error.message, reply.error.details);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** The slot's child, or a new one where there is none or it died while idle. */
  async #child(slot: Slot): Promise<ImageChild> {
    if (slot.child?.usable === false) await this.#discard(slot, 'recycled');
    if (this.#closed) throw closedError();
    try {
      if (slot.child !== undefined) return slot.child;
      // The watchdog looks now and then; what is asked for at once between two looks fails by itself.
      const dataBytes = this.#options.maxRssBytes + NOT_RESIDENT;
      const command = await confine(process.execPath, [...V8, this.#options.entry], { ...LIMITS, dataBytes });
      if (this.#closed) throw closedError();
      return (slot.child = new TaskChild({ command, readReply, env: ENV }));
    } catch (cause) {
      if (this.#closed) throw cause;
      const details = { message: cause instanceof Error ? cause.message : String(cause) };
      throw new DarkroomError('EncoderFailed', 'No process could be started for this image.', details, { cause });
    }
  }

  #worn(child: ImageChild): boolean {
    return child.answered >= this.#options.recycleAfter || child.rss() > this.#options.maxRssBytes / 2;
  }

  #watch(): void {
    for (const { child, busy } of this.#slots) {
      if (busy && child && child.rss() > this.#options.maxRssBytes) child.kill('memory');
    }
  }

  async #discard(slot: Slot, reason: KillReason): Promise<void> {
    const { child } = slot;
    child?.kill(reason);
    if (child) await this.#bury(slot, child);
  }

  async #bury(slot: Slot, child: ImageChild): Promise<Exit> {
    const exit = await child.closed;
    if (slot.child === child) slot.child = undefined;
    return exit;
  }

  /** What the caller of `run` is thrown when its child is gone. */
  #death(child: ImageChild, exit: Exit, oom: boolean): unknown {
    const { killedFor } = child;
    if (typeof killedFor === 'object') return killedFor.aborted;
    if (killedFor === 'nonsense') {
      return new DarkroomError('EncoderFailed', NONSENSE, { childKilled: true, reason: 'nonsense', blame: 'input' });
    }
    const details = deathOf(child, exit, oom);
    this.#options.logger?.warn({ ...details, childPid: child.pid }, 'an image process died at work');
    return new DarkroomError('EncoderFailed', this.#sentence(details.reason), details);
  }

  #sentence(cause: CauseOfDeath): string {
    const { timeoutMs, maxRssBytes } = this.#options;
    switch (cause) {
      case 'timeout':
        return `Decoding or encoding this image took longer than ${timeoutMs / 1000} s and was stopped.`;
      case 'memory':
        return `Decoding or encoding this image took more than ${Math.round(maxRssBytes / 2 ** 20)} MiB of memory and was stopped.`;
      case 'oom':
        return 'The machine ran out of memory while it worked on this image.';
      case 'killed':
        return 'The process that works on this image was killed from outside.';
      case 'crash':
      case 'exit':
        return 'The decoder or encoder crashed on this image.';
    }
  }
}

function closedError(): Error {
  const error = new Error('The image pool is closed');
  error.name = 'AbortError';
  return error;
}
