import os from 'node:os';
import { availableCores } from '../common/cores';
import type { Sample } from './system';

/** One set through every system. */
export interface Row {
  set: string;
  items: number;
  /** By system's name: the run with the median wall time, whole, so that its figures belong together. */
  runs: Record<string, Sample>;
  /** By system's name: the bare loop's wall time / this system's. */
  efficiency: Record<string, number>;
}

/** A row from all runs of all rounds, by system's name. The system `bare` is what the others are compared with. */
export function toRow(set: { name: string; count: number }, rounds: Record<string, Sample[]>): Row {
  const runs = Object.fromEntries(Object.entries(rounds).map(([name, samples]) => [name, median(samples)]));
  const bare = runs['bare']?.seconds ?? NaN;
  const others = Object.entries(runs).filter(([name]) => name !== 'bare');
  const efficiency = Object.fromEntries(others.map(([name, { seconds }]) => [name, bare / seconds]));
  return { set: set.name, items: set.count, runs, efficiency };
}

function median(runs: Sample[]): Sample {
  return [...runs].sort((a, b) => a.seconds - b.seconds)[Math.floor(runs.length / 2)] as Sample;
}

export function machine(): string {
  return `${availableCores()} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}`;
}

/** Markdown: wall seconds, efficiency and CPU seconds by system, a line a set. */
export function table(rows: Row[]): string {
  const names = Object.keys(rows[0]?.runs ?? {});
  const queues = names.filter((name) => name !== 'bare');
  const head = [
    ...['sources', 'items'],
    ...names.map((name) => `${name} s`),
    ...queues.map((name) => `${name} efficiency`),
    ...names.map((name) => `${name} CPU s${partsOf(rows, name)}`),
  ];
  const body = rows.map(({ set, items, runs, efficiency }) => [
    ...[set, String(items)],
    ...names.map((name) => runs[name]?.seconds.toFixed(1) ?? ''),
    ...queues.map((name) => efficiency[name]?.toFixed(2) ?? ''),
    ...names.map((name) => cpu(runs[name])),
  ]);
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function partsOf(rows: Row[], name: string): string {
  const parts = Object.keys(rows[0]?.runs[name]?.parts ?? {});
  return parts.length === 0 ? '' : ` (${parts.join(' + ')})`;
}

function cpu(run: Sample | undefined): string {
  if (run === undefined) return '';
  const parts = Object.values(run.parts ?? {}).map((seconds) => seconds.toFixed(1));
  return parts.length === 0 ? run.cpu.toFixed(1) : `${run.cpu.toFixed(1)} (${parts.join(' + ')})`;
}
