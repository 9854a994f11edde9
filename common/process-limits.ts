import { execFile } from 'node:child_process';
import { apart } from './apart';

/** What a process may use; see RunOptions. */
export interface Limits {
  memoryBytes?: number;
  /** Writable memory of its own: for programs with WebAssembly, which reserves addresses by the gigabyte and uses few. */
  dataBytes?: number;
  cpuSeconds?: number;
  fileBytes?: number;
  openFiles?: number;
  /** See apart.ts. */
  apart?: boolean;
}

/** CPU seconds between SIGXCPU, on which a program may end by itself, and SIGKILL. */
const CPU_GRACE = 5;

/** util-linux's setpriv: the kernel kills the process when ours is gone, even by SIGKILL, so that no encode is orphaned. */
const DIES_WITH_US = ['setpriv', '--pdeathsig', 'KILL', '--'];

let present: Promise<{ setpriv: boolean; prlimit: boolean }> | undefined;

/**
 * The command with its limits around it, where the tools for that are present (any Linux with util-linux).
 * The tools replace themselves by the command, so the process keeps its id.
 */
export async function confine(
  command: string,
  args: readonly string[],
  limits: Limits,
): Promise<[file: string, args: string[]]> {
  present ??= findTools();
  const { setpriv, prlimit } = await present;
  const words = [
    ...(limits.apart ? await apart() : []),
    ...(setpriv ? DIES_WITH_US : []),
    ...(prlimit ? ['prlimit', ...limitOptions(limits), '--'] : []),
    command,
    ...args,
  ];
  return [words[0] ?? command, words.slice(1)];
}

/** Exported for its test. */
export function limitOptions(limits: Limits): string[] {
  const { memoryBytes, dataBytes, cpuSeconds, fileBytes, openFiles } = limits;
  const cpu = Math.ceil(cpuSeconds ?? 0);
  return [
    '--core=0',
    ...(memoryBytes === undefined ? [] : [`--as=${Math.floor(memoryBytes)}`]),
    ...(dataBytes === undefined ? [] : [`--data=${Math.floor(dataBytes)}`]),
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpu}:${cpu + CPU_GRACE}`]),
    ...(fileBytes === undefined ? [] : [`--fsize=${Math.ceil(fileBytes)}`]),
    ...(openFiles === undefined ? [] : [`--nofile=${openFiles}`]),
  ];
}

/** Once per process. Tried, not looked up: other programs have the same names and know other options. */
async function findTools(): Promise<{ setpriv: boolean; prlimit: boolean }> {
  if (process.platform !== 'linux') return { setpriv: false, prlimit: false };
  const [setpriv, prlimit] = await Promise.all([
    works([...DIES_WITH_US, 'true']),
    works(['prlimit', '--core=0', '--', 'true']),
  ]);
  return { setpriv, prlimit };
}

function works([file = '', ...args]: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file, args, (error) => resolve(error === null));
  });
}
