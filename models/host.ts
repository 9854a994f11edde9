import type { Analysis } from '../common/analysis';
import { DarkroomError } from '../common/errors';
import { oomKills } from '../common/memory';
import { noteCommand } from '../common/meter';
import { built } from '../common/paths';
import { confine } from '../common/process-limits';
import { deathOf, TaskChild } from '../common/task-child';
import type { ModelHostOptions } from './host-options';
import type { ModelTask } from './model';
import { MODELS, titleOf, type ModelName } from '../common/models';
import { readReply } from './reply';
import { sentenceOf } from './sentence';

type Child = TaskChild<ModelTask | 'load', Analysis>;

interface Loaded {
  readonly model: ModelName;
  readonly bytes: number;
  child?: Child;
  /** Tasks that run or wait for it. */
  users: number;
  /** By the clock of performance.now(). */
  usedAt: number;
  isReady: boolean;
  /** The one task after the other. */
  turn: Promise<unknown>;
}

/** ms between looks at the memory of a process. */
const WATCH_INTERVAL = 100;
/** Libraries, the files of the model, the channel and an input. */
const LIMITS = { apart: true, openFiles: 256 };
const NONSENSE = 'The process of the model gave an answer that makes no sense, and was stopped.';
/** Which device a process may use is for the operator to say, by the variables of its maker. */
const PASSED_ON = /^(?:CUDA_|NVIDIA_|HIP_|ROCR_)/;

/**
 * The models that this worker holds in memory, each in a process of its own. A model is loaded when its first task comes; the
 * idle one that was used longest ago goes where another needs its memory.
 */
export class ModelHost {
  readonly #options: Required<Omit<ModelHostOptions, 'logger'>> & Pick<ModelHostOptions, 'logger'>;
  readonly #loaded = new Map<ModelName, Loaded>();
  /** Woken at each end of a task. */
  #waiting: (() => void)[] = [];
  #running = 0;
  #closed = false;

  constructor(options: ModelHostOptions) {
    this.#options = { entry: built('models/child.js'), needs: MODELS, onEvent: () => undefined, ...options };
  }

  /** True where a task of this model would meet it loaded. */
  isWarm(model: ModelName): boolean {
    return this.#loaded.get(model)?.isReady === true;
  }

  /** True where another inference could begin at once. */
  get hasRoom(): boolean {
    return this.#running < this.#options.slots;
  }

  /** Waits until something holds that changes with tasks and models. @throws the signal's reason */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (holds()) return;
      await this.#change(signal);
    }
  }

  /** Names of what is loaded, and resident bytes of all processes (0 where the system has no /proc). */
  stats(): { models: ModelName[]; rssBytes: number } {
    const all = [...this.#loaded.values()];
    return {
      models: all.filter(({ isReady }) => isReady).map(({ model }) => model),
      rssBytes: all.reduce((sum, { child }) => sum + (child?.rss() ?? 0), 0),
    };
  }

  /** Process ids of the models. */
  pids(): number[] {
    return [...this.#loaded.values()].flatMap(({ child }) => child?.pid ?? []);
  }

  /**
   * Runs one task, after loading its model where needed.
   * @param onBegin called when the task has waited for everything that it had to wait for
   * @throws DarkroomError what the picture deserves; ModelUnavailable; EncoderFailed with `childKilled: true` when the process
   *   died of the task
   * @throws the signal's reason, after the process that worked on the task is gone
   */
  async run(
    model: ModelName,
    task: ModelTask,
    signal?: AbortSignal,
    onBegin = (): void => undefined,
  ): Promise<Analysis> {
    const entry = await this.#room(model, signal);
    const wasReady = entry.isReady;
    this.#options.onEvent({ model, type: wasReady ? 'warm' : 'cold' });
    const before = entry.turn;
    let end = (): void => undefined;
    entry.turn = new Promise<void>((resolve) => (end = resolve));
    try {
      await before;
      await this.#load(entry, signal);
      await this.#slot(signal);
      try {
        onBegin();
        return await this.#work(entry, task, signal);
      } finally {
        this.#running--;
        this.#wake();
      }
    } finally {
      end();
      entry.users--;
      entry.usedAt = performance.now();
      this.#wake();
    }
  }

  /** Ends all processes, also those at work, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await Promise.all([...this.#loaded.values()].map((entry) => this.#drop(entry)));
  }

  /** The model's entry, with room in the budget; what has to go for it has gone. Its `users` counts the caller. */
  async #room(model: ModelName, signal?: AbortSignal): Promise<Loaded> {
    const bytes = this.#options.needs[model]?.memoryBytes ?? Infinity;
    if (bytes > this.#options.budgetBytes) {
      throw new DarkroomError('ModelUnavailable', `The model "${model}" needs more memory than models may have here.`, {
        memoryBytes: bytes,
        budgetBytes: this.#options.budgetBytes,
      });
    }
    for (;;) {
      this.#throwIfOver(signal);
      const known = this.#loaded.get(model);
      if (known) {
        known.users++;
        return known;
      }
      const held = [...this.#loaded.values()].reduce((sum, entry) => sum + entry.bytes, 0);
      if (held + bytes <= this.#options.budgetBytes) {
        const entry = { model, bytes, users: 1, usedAt: performance.now(), isReady: false, turn: Promise.resolve() };
        this.#loaded.set(model, entry);
        return entry;
      }
      const idle = this.#leastUsed();
      if (idle) await this.#evict(idle);
      else await this.#change(signal);
    }
  }

  #leastUsed(): Loaded | undefined {
    const idle = [...this.#loaded.values()].filter(
      ({ model, users }) => users === 0 && !this.#options.pinned.includes(model),
    );
    return idle.sort((a, b) => a.usedAt - b.usedAt)[0];
  }

  async #evict(entry: Loaded): Promise<void> {
    this.#loaded.delete(entry.model);
    entry.isReady = false;
    this.#options.onEvent({ model: entry.model, type: 'evicted' });
    await this.#drop(entry);
  }

  /** Waits until one of `slots` is free. */
  async #slot(signal?: AbortSignal): Promise<void> {
    while (this.#running >= this.#options.slots) await this.#change(signal);
    this.#throwIfOver(signal);
    this.#running++;
  }

  async #load(entry: Loaded, signal?: AbortSignal): Promise<void> {
    this.#throwIfOver(signal);
    if (entry.child?.usable === true) return;
    const { model } = entry;
    await this.#drop(entry);
    const started = performance.now();
    await this.#ask(entry, 'load', 10_000 * (this.#options.needs[model]?.loadSeconds ?? 1), signal);
    entry.isReady = true;
    this.#options.onEvent({ model, type: 'loaded', seconds: (performance.now() - started) / 1000 });
    this.#wake();
  }

  async #work(entry: Loaded, task: ModelTask, signal?: AbortSignal): Promise<Analysis> {
    const started = performance.now();
    const analysis = await this.#ask(entry, task, this.#options.timeoutMs, signal);
    this.#options.onEvent({ model: entry.model, type: 'done', seconds: (performance.now() - started) / 1000 });
    return analysis;
  }

  async #ask(entry: Loaded, task: ModelTask | 'load', limit: number, signal?: AbortSignal): Promise<Analysis> {
    const child = (entry.child ??= await this.#start(entry.model));
    const timer = setTimeout(() => child.kill('timeout'), limit);
    const watch = setInterval(() => {
      if (child.rss() > entry.bytes) child.kill('memory');
    }, WATCH_INTERVAL);
    const abort = () => child.kill({ aborted: signal?.reason });
    const killsBefore = oomKills();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const reply = await child.ask(task);
      const what = task === 'load' ? [] : [task.input];
      noteCommand('model', [task === 'load' ? 'load' : 'run', entry.model, titleOf(entry.model), ...what], child.usage);
      if (reply === undefined || child.killedFor !== undefined)
        throw await this.#death(entry, child, killsBefore, task);
      if (reply.ok) return reply.outcome;
      if (task === 'load') await this.#forget(entry);
      const { type, message, details } = reply.error;
      throw new DarkroomError(task === 'load' ? 'ModelUnavailable' : type, message, details);
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      signal?.removeEventListener('abort', abort);
    }
  }

  async #start(model: ModelName): Promise<Child> {
    const { entry, runtime } = this.#options;
    const command = await confine(process.execPath, [entry, model, JSON.stringify(runtime)], LIMITS);
    if (this.#closed) throw closedError();
    // One thread decodes, one reads.
    return new TaskChild({ command, readReply, env: { UV_THREADPOOL_SIZE: '2' }, passedOn: PASSED_ON });
  }

  /** What the caller of `run` is thrown when the process is gone. */
  async #death(entry: Loaded, child: Child, killsBefore: number, task: ModelTask | 'load'): Promise<unknown> {
    const exit = await child.closed;
    await this.#forget(entry);
    const { killedFor } = child;
    if (typeof killedFor === 'object') return killedFor.aborted;
    const details = deathOf(child, exit, oomKills() > killsBefore);
    this.#options.logger?.warn(
      { ...details, model: entry.model, task, childPid: child.pid },
      'the process of a model died',
    );
    if (task === 'load') {
      return new DarkroomError('ModelUnavailable', `The model "${entry.model}" could not be loaded.`, {
        ...details,
        childKilled: undefined,
      });
    }
    if (killedFor === 'nonsense') {
      return new DarkroomError('EncoderFailed', NONSENSE, { childKilled: true, reason: 'nonsense', blame: 'input' });
    }
    return new DarkroomError('EncoderFailed', sentenceOf(details.reason, { ...this.#options, ...entry }), details);
  }

  /** The process is gone or of no use; the next task starts another one. */
  async #forget(entry: Loaded): Promise<void> {
    if (entry.isReady) this.#options.onEvent({ model: entry.model, type: 'died' });
    entry.isReady = false;
    await this.#drop(entry);
    if (entry.users <= 1) this.#loaded.delete(entry.model);
  }

  async #drop(entry: Loaded): Promise<void> {
    const { child } = entry;
    entry.child = undefined;
    child?.kill('recycled');
    await child?.closed;
  }

  /** Settles at the next end of a task, or at the signal. */
  #change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        signal?.removeEventListener('abort', settle);
        resolve();
      };
      this.#waiting.push(settle);
      signal?.addEventListener('abort', settle, { once: true });
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #throwIfOver(signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
  }
}

function closedError(): Error {
  const error = new Error('The model host is closed');
  error.name = 'AbortError';
  return error;
}
