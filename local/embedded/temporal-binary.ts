import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Config } from '../../common/config';
import { isExecutable, which } from '../../common/config/executables';
import { withLock } from './lock';
import { SetupError, type Report } from './report';
import { run } from './run';

/** The newest CLI that `go install` takes: later ones carry a `replace` directive. Server 1.29.1. */
const GO_MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const GO_LIMIT_MS = 30 * 60_000;

const fileName = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** Folder for tools that are fetched once for all checkouts of this user. */
export function toolsFolder(config: Config): string {
  return path.join(config.cacheHome ?? path.join(os.homedir(), '.cache'), 'darkroom', 'bin');
}

/** The `temporal` program, from PATH or from our folder of tools. */
export function findTemporalBinary(config: Config): string | undefined {
  return which('temporal', [toolsFolder(config)]);
}

/**
 * Finds the `temporal` program, or downloads it, or builds it with Go.
 * @throws SetupError that says what to install.
 */
export async function ensureTemporalBinary(config: Config, report: Report): Promise<string> {
  const found = findTemporalBinary(config);
  if (found !== undefined) return found;
  const folder = toolsFolder(config);
  return withLock(
    path.join(folder, '.lock'),
    async () => {
      const meanwhile = findTemporalBinary(config);
      if (meanwhile !== undefined) return meanwhile;
      report('The Temporal server is missing: downloading it, once');
      if (await download(folder)) return path.join(folder, fileName);
      if (await build(folder, report)) return path.join(folder, fileName);
      throw new SetupError(
        'The Temporal server is missing, and it could be neither downloaded nor built with Go. ' +
          'Install the Temporal CLI (https://docs.temporal.io/cli), or name a running server in TEMPORAL_ADDRESS.',
      );
    },
    (pid) => report(`Another process (${pid}) is fetching the Temporal server: waiting for it`),
  );
}

/** By the Temporal SDK, in a process of its own: its download knows neither a time limit nor a way to stop it. */
async function download(folder: string): Promise<boolean> {
  const temporary = await mkdtemp(path.join(folder, '.download-'));
  try {
    const script = path.join(__dirname, 'download-temporal.js');
    const { code } = await run(process.execPath, [script, temporary], { timeoutMs: DOWNLOAD_LIMIT_MS });
    if (code !== 0) return false;
    const files = (await readdir(temporary)).map((name) => path.join(temporary, name));
    const executable = files.find(isExecutable);
    if (executable === undefined) return false;
    await rename(executable, path.join(folder, fileName));
    return true;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function build(folder: string, report: Report): Promise<boolean> {
  const go = which('go', ['/usr/local/go/bin']);
  if (go === undefined) return false;
  report('It cannot be downloaded here: building the Temporal server with Go, once, about 4 minutes');
  const started = Date.now();
  const clock = setInterval(() => report(`  still building (${Math.round((Date.now() - started) / 1000)} s)`), 30_000);
  // Built aside and moved into place, so that an interrupted build leaves no half of a program.
  const temporary = await mkdtemp(path.join(folder, '.build-'));
  try {
    const env = { ...process.env, GOBIN: temporary, GOFLAGS: '-buildvcs=false' };
    const { code, output } = await run(go, ['install', GO_MODULE], { env, timeoutMs: GO_LIMIT_MS });
    if (code !== 0) {
      report(`Go could not build it:\n${output.slice(-1500)}`);
      return false;
    }
    await rename(path.join(temporary, fileName), path.join(folder, fileName));
    return true;
  } finally {
    clearInterval(clock);
    await rm(temporary, { recursive: true, force: true });
  }
}
