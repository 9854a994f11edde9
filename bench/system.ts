import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { cpuSeconds } from './cpu';
import type { SourceSet } from './sources';

/** One run of one set through one system. */
export interface Sample {
  /** Wall seconds from the first source to the last end; the start of the processes is not in it. */
  seconds: number;
  /** CPU seconds of everything that took part. */
  cpu: number;
  /** The same by process; absent where there is one only. */
  parts?: Record<string, number>;
}

/** A way to process a set: the bare loop, or a queue with its services, which live from start to `stop`. */
export interface System {
  /** As in the table's head. */
  name: string;
  /** What it runs on, for the line above the table. */
  about?: string;
  /** @param output folder that is made for the run. @throws Error where an item failed */
  run(set: SourceSet, output: string): Promise<Sample>;
  stop(): Promise<void>;
}

/** Processes of the systems that live through all rounds: children of this process, whose time belongs to their own parts. */
const live = new Set<number>();

/** Counts the time of these processes, and what they start, apart from this process's. */
export function keepApart(...pids: number[]): void {
  for (const pid of pids) live.add(pid);
}

/** What this process and its ended children have used, the services left out. */
function ownSeconds(): number {
  return cpuSeconds(process.pid) - [...live].reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/**
 * Runs a program of Node to its end, and measures the CPU seconds of it and of services meanwhile.
 * @param services process ids by part
 * @returns the last line of its output, as JSON. @throws Error where it ends with another code than 0
 */
export async function measure<Answer>(
  args: string[],
  env: NodeJS.ProcessEnv,
  services: Record<string, number> = {},
): Promise<{ answer: Answer; client: number; parts: Record<string, number> }> {
  const apart = Object.entries(services);
  const before = ownSeconds();
  const servicesBefore = apart.map(([, pid]) => cpuSeconds(pid));
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if ((await code) !== 0) throw new Error(`${args[0]} ended with exit code ${await code}:\n${errors.slice(-2000)}`);
  const client = ownSeconds() - before;
  const parts = apart.map(([name, pid], index) => [name, cpuSeconds(pid) - (servicesBefore[index] ?? 0)] as const);
  return {
    answer: JSON.parse(output.trim().split('\n').at(-1) ?? '') as Answer,
    client,
    parts: Object.fromEntries(parts),
  };
}

/** CPU seconds of the parts together. */
export function total(parts: Record<string, number>): number {
  return Object.values(parts).reduce((sum, seconds) => sum + seconds, 0);
}
