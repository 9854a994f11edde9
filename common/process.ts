import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { childCpu, type Usage } from './child-cpu';
import { oomKills } from './memory';
import { noteCommand } from './meter';
import { takeFirst } from './oom-score';
import { confine } from './process-limits';

/** How much of what a process prints to stderr is kept: the end of it, in bytes. */
const STDERR_BYTES = 4096;
/** ms between looks at the memory of a process that prints nothing. */
const USAGE_MS = 500;

export interface RunOptions {
  /** Ends the process; the call then throws the signal's reason. */
  signal?: AbortSignal;
  /** Wall time of the whole run, ms. */
  timeoutMs?: number;
  /** ms without a sign of progress: without a line on stdout that {@link onLine} does not answer with `false`. */
  stallMs?: number;
  /** Asked four times in stallMs: has there been progress that stdout does not show? `true` starts the stall clock anew. */
  hasProgressed?: () => Promise<boolean>;
  /** Called with each line of stdout, which is then not kept. `false` says: this line shows no progress. */
  onLine?: (line: string) => boolean | void;
  cwd?: string;
  /** Beside the few variables that every process gets; secrets of ours are never among those. */
  env?: Record<string, string>;
  /** RLIMIT_AS, bytes. Held where util-linux's prlimit is. */
  memoryBytes?: number;
  /** RLIMIT_CPU, seconds: SIGXCPU, and SIGKILL five seconds later. Held where util-linux's prlimit is. */
  cpuSeconds?: number;
  /** RLIMIT_FSIZE, bytes of the largest file: SIGXFSZ. Held where util-linux's prlimit is. */
  fileBytes?: number;
  /** RLIMIT_NOFILE. Held where util-linux's prlimit is. */
  openFiles?: number;
  /** For programs that read what strangers sent: without network and secrets where the system allows it (apart.ts). */
  apart?: boolean;
  /** A process that prints more than this to stdout is ended; it counts only without onLine. Default 16 MiB. */
  stdoutMaxBytes?: number;
  /** ms between SIGTERM and SIGKILL. Default 3000. */
  killAfterMs?: number;
}

export interface ProcessResult {
  /** Empty where onLine took the lines. */
  stdout: string;
  stderrTail: string;
  exitCode: 0;
}

export type ProcessFailure = 'spawn' | 'exit' | 'stall' | 'timeout' | 'output';

/** A process that could not be started, failed by itself (`exit`), or was ended by one of our limits. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
  constructor(
    readonly command: string,
    readonly reason: ProcessFailure,
    readonly exitCode: number | null,
    /** The signal that ended it, if one did. */
    readonly signal: NodeJS.Signals | null,
    readonly stderrTail: string,
    /** The kernel has killed a process here for want of memory while this one ran. */
    readonly oom = false,
    options?: ErrorOptions,
  ) {
    super(`${command}: ${reason}${reason === 'exit' ? ` ${signal ?? exitCode}` : ''}`, options);
  }
}

/**
 * The one way to run a program: no shell, both outputs drained at once, a process group of its own that is gone when
 * this returns or throws, limits by prlimit, and a minimal environment.
 * @returns only for exit code 0
 * @throws ProcessError; after an abort the signal's reason
 */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const { signal } = options;
  signal?.throwIfAborted();
  const [file, confinedArgs] = await confine(command, args, options);
  signal?.throwIfAborted();
  const killsBefore = oomKills();
  const child = spawn(file, confinedArgs, {
    cwd: options.cwd,
    env: { ...inheritedEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  });
  takeFirst(child.pid);
  const watch = new Watch(child, options);
  const output = collect(child, options, watch);
  const exit = await watch.exit;
  noteCommand(command, args, watch.usage);
  signal?.throwIfAborted();
  const fail = (reason: ProcessFailure, cause?: unknown) =>
    new ProcessError(command, reason, exit.code, exit.signal, output.stderrTail(), oomKills() > killsBefore, { cause });
  if (output.callbackError !== undefined) throw output.callbackError;
  if (exit.error !== undefined) throw fail('spawn', exit.error);
  if (watch.ended !== undefined) throw fail(watch.ended);
  if (exit.code !== 0) throw fail(wasNotFound(exit.code, file, command) ? 'spawn' : 'exit');
  return { stdout: output.stdout(), stderrTail: output.stderrTail(), exitCode: 0 };
}

/** setpriv and prlimit answer 127 for a program that does not exist. */
function wasNotFound(code: number | null, file: string, command: string): boolean {
  return code === 127 && file !== command;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;
type Exit = { code: number | null; signal: NodeJS.Signals | null; error?: Error };

/** Ends the process group when a limit is reached or the signal aborts, and knows when all of it is gone. */
class Watch {
  /** Why we ended it, if we did. */
  ended: Exclude<ProcessFailure, 'spawn' | 'exit'> | undefined;
  readonly exit: Promise<Exit>;
  readonly usage: Usage = {};
  private usageTimer: NodeJS.Timeout | undefined;
  private stallTimer: NodeJS.Timeout | undefined;
  private killTimer: NodeJS.Timeout | undefined;
  private signTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly child: Child,
    private readonly options: RunOptions,
  ) {
    const { signal, timeoutMs } = options;
    const onAbort = () => this.terminate();
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.end('timeout'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.progress();
    this.lookForSigns();
    this.watchUsage();
    this.exit = this.closed().finally(() => {
      for (const each of [timer, this.stallTimer, this.killTimer]) clearTimeout(each);
      clearInterval(this.signTimer);
      clearInterval(this.usageTimer);
      signal?.removeEventListener('abort', onAbort);
    });
  }

  /** A sign of life: the stall clock starts anew. */
  progress(): void {
    if (this.options.stallMs === undefined || this.ended) return;
    if (this.stallTimer === undefined) this.stallTimer = setTimeout(() => this.end('stall'), this.options.stallMs);
    else this.stallTimer.refresh();
  }

  private watchUsage(): void {
    const { pid, stdout } = this.child;
    if (pid === undefined) return;
    childCpu.started(pid);
    const look = (): void => {
      const peak = childCpu.look(pid) ?? 0;
      if (peak > (this.usage.peakBytes ?? 0)) this.usage.peakBytes = peak;
    };
    this.usageTimer = setInterval(look, USAGE_MS).unref();
    // Programs report their end before they release what they hold.
    stdout.on('data', look);
    this.child.once('exit', () => {
      const cpuSeconds = childCpu.ended(pid);
      if (cpuSeconds !== undefined) this.usage.cpuSeconds = cpuSeconds;
    });
  }

  private lookForSigns(): void {
    const { stallMs, hasProgressed } = this.options;
    if (stallMs === undefined || hasProgressed === undefined) return;
    const look = async (): Promise<void> => {
      if (await hasProgressed()) this.progress();
    };
    // A look that fails is no sign.
    this.signTimer = setInterval(() => void look().catch(() => undefined), stallMs / 4);
  }

  end(reason: NonNullable<Watch['ended']>): void {
    this.ended ??= reason;
    this.terminate();
  }

  /** SIGTERM, and SIGKILL for whatever is left after the grace. */
  terminate(): void {
    if (this.killTimer !== undefined) return;
    this.kill('SIGTERM');
    this.killTimer = setTimeout(() => this.kill('SIGKILL'), this.options.killAfterMs ?? 3000);
  }

  private kill(name: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, name);
    } catch {
      // The group is gone already.
    }
  }

  /** Settles when the process has ended and its pipes are drained. */
  private closed(): Promise<Exit> {
    return new Promise((resolve) => {
      this.child.once('error', (error) => {
        if (this.child.pid === undefined) resolve({ code: null, signal: null, error });
      });
      // Children that it left behind would hold the pipes open for ever.
      this.child.once('exit', () => this.kill('SIGKILL'));
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }
}

/** Drains stdout and stderr at once, since a full pipe would stop the process. */
function collect(child: Child, options: RunOptions, watch: Watch) {
  const { onLine, stdoutMaxBytes = 16 * 2 ** 20 } = options;
  const chunks: Buffer[] = [];
  let size = 0;
  let stderr = Buffer.alloc(0);
  const state = {
    callbackError: undefined as unknown,
    stdout: () => Buffer.concat(chunks).toString('utf8'),
    stderrTail: () => stderr.toString('utf8').trim(),
  };
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_BYTES);
  });
  if (onLine) {
    createInterface({ input: child.stdout, crlfDelay: Infinity }).on('line', (line) => {
      if (state.callbackError !== undefined) return;
      try {
        if (onLine(line) !== false) watch.progress();
      } catch (error) {
        state.callbackError = error;
        watch.terminate();
      }
    });
  } else {
    child.stdout.on('data', (chunk: Buffer) => {
      watch.progress();
      size += chunk.length;
      if (size <= stdoutMaxBytes) chunks.push(chunk);
      else watch.end('output');
    });
  }
  return state;
}

/** What programs need to be found, to load and to speak English; none of ours, so no secret is handed on. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LD_LIBRARY_PATH, SystemRoot } = process.env;
  return { PATH, HOME, TMPDIR, LD_LIBRARY_PATH, SystemRoot, LC_ALL: 'C' };
}
