import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Progress goes to stderr, since a command's stdout is its result. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

export function fail(sentence) {
  say(sentence);
  process.exit(1);
}

/** Runs a program of a set-up step, silent unless it fails; then its output is shown and the process ends. */
export function step(sentence, command, args, options = {}) {
  say(sentence);
  const { status, error, stdout } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  if (status === 0) return;
  say(stdout ?? '');
  fail(`Set-up stopped: ${[path.basename(command), ...args].join(' ')} failed${error ? ` (${error.message})` : ''}.`);
}
