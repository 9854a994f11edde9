import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from './lock';

/** A process that Prometheus may scrape on this machine. */
export interface Target {
  /** `darkroom-worker`, `temporal-server`, …: the job label, and the start of the file's name. */
  job: string;
  /** The process whose end makes the entry worthless. */
  pid: number;
  /** Ports on the loopback address that answer /metrics. */
  ports: number[];
}

/** Folder of the files that `npm run monitor` has Prometheus watch (file_sd). */
export function targetsFolder(home: string): string {
  return path.join(home, 'targets');
}

function targetFile(home: string, job: string, pid: number): string {
  return path.join(targetsFolder(home), `${job}-${pid}.json`);
}

/** Tells Prometheus where a process of ours answers: embedded services take any free ports. Returns what removes the entry. */
export async function announceTarget(home: string, { job, pid, ports }: Target): Promise<() => Promise<void>> {
  await mkdir(targetsFolder(home), { recursive: true });
  const file = targetFile(home, job, pid);
  const entry = [{ targets: ports.map((port) => `127.0.0.1:${port}`), labels: { job } }];
  // Renamed into place, since Prometheus may read at any moment; only *.json counts.
  await writeFile(`${file}.new`, JSON.stringify(entry));
  await rename(`${file}.new`, file);
  return () => withdrawTarget(home, job, pid);
}

/** Removes the entry of a process that has ended. */
export async function withdrawTarget(home: string, job: string, pid: number): Promise<void> {
  await rm(targetFile(home, job, pid), { force: true });
}

/** Removes the entries of processes that died without doing so. */
export async function dropDeadTargets(home: string): Promise<void> {
  const folder = targetsFolder(home);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const pid = Number(/-(\d+)\.json$/.exec(name)?.[1]);
    if (!Number.isInteger(pid) || !isAlive(pid)) await rm(path.join(folder, name), { force: true });
  }
}
