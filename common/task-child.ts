import { spawn, type ChildProcess } from 'node:child_process';
import { childCpu, cpuSecondsOf, forgetPeak, peakOf, residentOf, type Usage } from './child-cpu';
import { BLAME_OF_DEATH, causeOfDeath, type CauseOfDeath } from './death';
import { tail } from './errors';
import { takeFirst } from './oom-score';
import type { Reply, Request } from './task-reply';

/** Why a child was killed; `aborted` carries what the caller is to be thrown. */
export type KillReason = 'timeout' | 'memory' | 'recycled' | 'nonsense' | { aborted: unknown };

/** How a child ended. */
export interface Exit {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

/** Characters of a child's stderr that are kept. */
const STDERR_TAIL = 4096;

/** What a child's libraries need (in the image, jemalloc is preloaded), and no secret; how far it is kept from its parent's otherwise, apart.ts tells. */
const PASSED_ON = /^(?:PATH|HOME|TMPDIR|TZ|LANG|LC_\w+|LD_LIBRARY_PATH|LD_PRELOAD|MALLOC_\w+|FONTCONFIG_\w+)$/;

function childEnv(more: NodeJS.ProcessEnv, passedOn?: RegExp): NodeJS.ProcessEnv {
  const passed = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name) || passedOn?.test(name));
  return {
    // glibc gives each thread an arena of its own, which keeps freed pixels resident.
    MALLOC_ARENA_MAX: '2',
    ...Object.fromEntries(passed),
    VIPS_BLOCK_UNTRUSTED: '1',
    ...more,
  };
}

export interface TaskChildOptions<Outcome> {
  /** Node with the module of the child, and what confines it. */
  command: readonly [file: string, args: readonly string[]];
  /** What the child said, where that makes sense. */
  readReply: (received: unknown) => Reply<Outcome> | undefined;
  /** Variables beside those that every child gets. */
  env?: NodeJS.ProcessEnv;
  /** Names of further variables of this process that the child gets. */
  passedOn?: RegExp;
}

/** One child process that works on one task at a time, and its channel. Its module calls `serveTasks`. */
export class TaskChild<Task, Outcome> {
  /** Settles once, when the process is gone and its streams are read to the end. */
  readonly closed: Promise<Exit>;
  stderrTail = '';
  /** Tasks answered so far. */
  answered = 0;
  /** The first reason to kill it. */
  killedFor?: KillReason;
  /** Highest resident memory seen in the task under way. */
  peakRss = 0;
  /** Of the last task; in the first one, loading the libraries is included. */
  usage: Usage = {};
  readonly #process: ChildProcess;
  #onReply?: (reply: Reply<Outcome>) => void;

  constructor({ command: [file, args], readReply, env = {}, passedOn }: TaskChildOptions<Outcome>) {
    this.#process = spawn(file, args, {
      env: childEnv(env, passedOn),
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    takeFirst(this.#process.pid);
    // What it used counts task by task; its end must not count for another process.
    this.#process.once('exit', () => childCpu.ended(this.#process.pid ?? 0));
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderrTail = tail(this.stderrTail + text, STDERR_TAIL);
    });
    this.#process.on('message', (received: unknown) => {
      const reply = readReply(received);
      if (reply === undefined) this.kill('nonsense');
      else this.#onReply?.(reply);
    });
    this.closed = new Promise((resolve) => {
      this.#process.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
      this.#process.on('error', (error) => {
        this.stderrTail = tail(`${this.stderrTail}${error.message}\n`, STDERR_TAIL);
        // It never started, so no `close` is sure to come.
        if (this.#process.pid === undefined) resolve({ exitCode: null, signal: null });
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** False once it has died or lost its channel. */
  get usable(): boolean {
    return this.#process.connected && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** @returns undefined when the child died first */
  async ask(task: Task): Promise<Reply<Outcome> | undefined> {
    const id = this.answered + 1;
    this.peakRss = 0;
    this.usage = {};
    const { pid = 0 } = this.#process;
    const before = this.answered === 0 ? 0 : cpuSecondsOf(pid);
    forgetPeak(pid);
    const reply = new Promise<Reply<Outcome>>((resolve) => {
      this.#onReply = (received) => {
        if (received.id === id) resolve(received);
      };
    });
    this.#process.send({ id, task } satisfies Request<Task>, (error) => {
      // The channel broke, so the child is dying or useless.
      if (error) this.#process.kill('SIGKILL');
    });
    const first = await Promise.race([reply, this.closed.then(() => undefined)]);
    this.answered += first ? 1 : 0;
    const after = cpuSecondsOf(pid);
    if (before !== undefined && after !== undefined) this.usage.cpuSeconds = Math.round((after - before) * 100) / 100;
    this.usage.peakBytes = peakOf(pid);
    return first;
  }

  kill(reason: KillReason): void {
    this.killedFor ??= reason;
    this.#process.kill('SIGKILL');
  }

  /** Resident bytes now; 0 where the system has no /proc. */
  rss(): number {
    const bytes = residentOf(this.#process.pid ?? 0) ?? 0;
    this.peakRss = Math.max(this.peakRss, bytes);
    return bytes;
  }
}

/** Evidence of a death that nobody but the task, the machine or a limit caused, for the details of an error. */
export function deathOf(
  child: Pick<TaskChild<never, never>, 'killedFor' | 'stderrTail' | 'peakRss'>,
  exit: Exit,
  oom: boolean,
) {
  const { killedFor, stderrTail, peakRss } = child;
  const own = killedFor === 'timeout' || killedFor === 'memory' ? killedFor : undefined;
  const reason: CauseOfDeath = own ?? causeOfDeath(exit.signal, oom);
  return {
    childKilled: true,
    reason,
    blame: BLAME_OF_DEATH[reason],
    signal: exit.signal ?? undefined,
    exitCode: exit.exitCode ?? undefined,
    rssBytes: peakRss,
    stderrTail,
  };
}
