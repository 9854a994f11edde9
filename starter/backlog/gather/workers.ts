import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { targetsFolder } from '../../../local/embedded/targets';
import { runningWorkers } from '../../../temporal/listed-workers';
import type { Evidence } from '../types';
import type { Scope } from './queues';

const SCRAPE_MS = 2_000;

/** What workers that this machine can reach say about themselves. */
export interface WorkerFigures {
  /** By identity, then by pool. */
  slots: Map<string, Map<string, { used: number; free: number }>>;
  /** Task queues that they ask. */
  queues: string[];
  stages: Evidence['stages'];
}

/** Reads /metrics of the workers that commands of this home have started, as `npm run monitor` does. */
export async function scrapeWorkers(home: string): Promise<WorkerFigures> {
  const folder = targetsFolder(home);
  const files = await readdir(folder).catch((): string[] => []);
  const figures: WorkerFigures = { slots: new Map(), queues: [], stages: [] };
  const sums = new Map<string, { sum: number; count: number }>();
  for (const file of files) {
    const pid = /^darkroom-worker-(\d+)\.json$/.exec(file)?.[1];
    if (pid === undefined) continue;
    const slots = new Map<string, { used: number; free: number }>();
    for (const address of await addressesIn(path.join(folder, file))) {
      for (const { name, labels, value } of samplesIn(await scrape(address))) {
        const pool = labels['pool'] ?? '';
        const { used = 0, free = 0 } = slots.get(pool) ?? {};
        if (name === 'darkroom_slots_used') slots.set(pool, { used: value, free });
        else if (name === 'darkroom_slots_available') slots.set(pool, { used, free: value });
        else if (name === 'temporal_num_pollers' && value > 0) figures.queues.push(labels['task_queue'] ?? '');
        else add(sums, name, labels['stage'] ?? '', value);
      }
    }
    // The SDK's own way to name a worker.
    if (slots.size > 0) figures.slots.set(`${pid}@${os.hostname()}`, slots);
  }
  figures.stages = [...sums]
    .filter(([, { count }]) => count > 0)
    .map(([stage, { sum, count }]) => ({ stage, meanSeconds: sum / count, count }));
  return figures;
}

/** Task queues of every running worker, where the server lists workers; else none. */
export async function queuesOfListedWorkers({ connection, namespace }: Scope): Promise<string[]> {
  return (await runningWorkers(connection, namespace)).flatMap(({ taskQueue }) => taskQueue ?? []);
}

function add(sums: Map<string, { sum: number; count: number }>, name: string, stage: string, value: number): void {
  const part = /^darkroom_stage_duration_seconds_(sum|count)$/.exec(name)?.[1];
  if (part === undefined) return;
  const total = sums.get(stage) ?? { sum: 0, count: 0 };
  total[part as 'sum' | 'count'] += value;
  sums.set(stage, total);
}

async function addressesIn(file: string): Promise<string[]> {
  try {
    const entries = JSON.parse(await readFile(file, 'utf8')) as { targets: string[] }[];
    return entries.flatMap(({ targets }) => targets);
  } catch {
    return [];
  }
}

async function scrape(address: string): Promise<string> {
  try {
    const response = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The samples of Prometheus' text format; label values of ours hold no quotes. */
export function samplesIn(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) return [];
    const labels = Object.fromEntries(
      [...(match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
    );
    return { name: match[1] ?? '', labels, value: Number(match[3]) };
  });
}
