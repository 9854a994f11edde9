import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Config } from '../../common/config';
import { isExecutable, which } from '../../common/config/executables';
import { withLock } from './lock';
import { SetupError, type Report } from './report';
import { run } from './run';

/** The newest CLI that `go install` takes: later ones carry a `replace` directive. Server 1.29.1. */
const GO_CLI = 'v1.5.1';
const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const GO_LIMIT_MS = 30 * 60_000;

const fileName = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** Folder for tools that are fetched once for all checkouts of this user. */
export function toolsFolder(config: Config): string {
  return path.join(config.cacheHome ?? path.join(os.homedir(), '.cache'), 'darkroom', 'bin');
}

/** Folder of one release for the tests, beside that of tools. @param version of the server */
export function releaseFolder(config: Config, version: string): string {
  return path.join(path.dirname(toolsFolder(config)), `temporal-${version}`);
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
  const folder = toolsFolder(config);
  const binary = await fetchOnce(
    folder,
    () => findTemporalBinary(config),
    report,
    async () => {
      report('The Temporal server is missing: downloading it, once');
      return (await download(folder)) || (await build(folder, report));
    },
  );
  if (binary !== undefined) return binary;
  throw new SetupError(
    'The Temporal server is missing, and it could be neither downloaded nor built with Go. ' +
      'Install the Temporal CLI (https://docs.temporal.io/cli), or name a running server in TEMPORAL_ADDRESS.',
  );
}

/**
 * The program of one release of the CLI, fetched into `folder` unless it is there.
 * @param cli `v1.5.1`
 * @param other a way to get it into the folder where it can be neither downloaded nor built with Go
 * @returns undefined where it cannot be had; the reason went to `report`
 */
export function ensureRelease(
  cli: string,
  folder: string,
  report: Report,
  other: (file: string) => Promise<boolean>,
): Promise<string | undefined> {
  const file = path.join(folder, fileName);
  return fetchOnce(
    folder,
    () => (isExecutable(file) ? file : undefined),
    report,
    async () => {
      report(`Temporal CLI ${cli} is missing: downloading it, once`);
      return (await download(folder, cli)) || (cli === GO_CLI && (await build(folder, report))) || other(file);
    },
  );
}

async function fetchOnce(
  folder: string,
  find: () => string | undefined,
  report: Report,
  fetch: () => Promise<boolean>,
): Promise<string | undefined> {
  const found = find();
  if (found !== undefined) return found;
  return withLock(
    path.join(folder, '.lock'),
    async () => find() ?? ((await fetch()) ? path.join(folder, fileName) : undefined),
    (pid) => report(`Another process (${pid}) is fetching the Temporal server: waiting for it`),
  );
}

/** By the Temporal SDK, in a process of its own: its download knows neither a time limit nor a way to stop it. */
async function download(folder: string, cli = 'default'): Promise<boolean> {
  const temporary = await mkdtemp(path.join(folder, '.download-'));
  try {
    const script = path.join(__dirname, 'download-temporal.js');
    const { code } = await run(process.execPath, [script, temporary, cli], { timeoutMs: DOWNLOAD_LIMIT_MS });
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
    const { code, output } = await run(go, ['install', `github.com/temporalio/cli/cmd/temporal@${GO_CLI}`], {
      env,
      timeoutMs: GO_LIMIT_MS,
    });
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
