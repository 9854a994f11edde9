import { spawn, type ChildProcess } from 'node:child_process';
import { built } from '../../common/paths';
import { until, type Stack } from './stack';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The last line of stdout, with `--json`. */
  // Tests look into summaries of every shape.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  summary: any;
}

/** A command under way. */
export interface Running {
  pid: number;
  /** Everything on stderr so far. */
  stderr(): string;
  /** Waits for words on stderr; fails when the command ends before. */
  says(words: string | RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  ended: Promise<Ended>;
}

const running = new Set<ChildProcess>();
// A test that fails leaves its commands behind, and they wait for ever.
afterEach(() => running.forEach((child) => child.kill('SIGKILL')));

/** Runs a command from dist/, for example `start-batch`, in the stack's environment. */
export function startCommand(
  stack: Pick<Stack, 'home' | 'env'>,
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Running {
  const child = spawn(process.execPath, [built(`starter/cli/${name}.js`), ...args], {
    env: { ...stack.env, ...env },
    cwd: stack.home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let [stdout, stderr, over] = ['', '', false];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      over = true;
      running.delete(child);
      const last = stdout.trim().split('\n').at(-1) ?? '';
      resolve({ code, stdout, stderr, summary: last.startsWith('{') ? JSON.parse(last) : undefined });
    });
  });
  return {
    pid: child.pid ?? 0,
    stderr: () => stderr,
    async says(words) {
      const isThere = (): boolean => (typeof words === 'string' ? stderr.includes(words) : words.test(stderr));
      await until(() => over || isThere());
      if (!isThere()) throw new Error(`ended without "${String(words)}":\n${stderr}`);
    },
    signal: (signal) => void child.kill(signal),
    ended,
  };
}

/** The same, to its end. */
export function runCommand(stack: Stack, name: string, args: string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  return startCommand(stack, name, args, env).ended;
}

/** submitted = completed + failed + cancelled + open + skipped + rejected. */
export function expectToAddUp(summary: Record<string, number>): void {
  const { submitted, completed = 0, failed = 0, cancelled = 0, open = 0, skipped = 0, rejected = 0 } = summary;
  expect({ ...summary, sum: completed + failed + cancelled + open + skipped + rejected }).toMatchObject({
    sum: submitted,
  });
}
