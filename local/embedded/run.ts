import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface RunResult {
  /** null: ended by a signal or never started. */
  code: number | null;
  /** stdout and stderr together, at most the last 64 KiB. */
  output: string;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** ms; the process is killed after this. */
  timeoutMs?: number;
}

const KEPT_CHARS = 64 * 1024;

/**
 * Runs a set-up program (apt-get, go, npm's tools): unlike common/process, which confines what touches media, with the whole
 * environment (proxies, certificates) and in our process group, so that Ctrl-C ends it too. No shell, no stdin.
 * Never throws: a program that is not there has `code: null`.
 */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_CHARS);
    };
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** The last characters of a log, for an error message; empty when there is none. */
export async function tailOf(file: string, chars: number): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).slice(-chars);
}
