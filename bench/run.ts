/**
 * `npm run bench`: the same sources and preset through a bare loop, BullMQ and Darkroom, in turn, medians of the rounds.
 * efficiency = the bare loop's wall time / the system's. Prints a table, and JSON with --json. Never fails on a number.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../common/config';
import { ensureFfmpeg } from '../local/embedded/ffmpeg';
import { toStderr } from '../local/embedded/report';
import { DEFAULT_SIZES, makeSets, type SetSizes, type SourceSet } from './sources';
import type { Sample, System } from './system';
import { bareLoop, bullmq, darkroom } from './systems';
import { machine, table, toRow, type Row } from './table';

interface Options {
  sizes: SetSizes;
  rounds: number;
  json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      photos: { type: 'string' },
      large: { type: 'string' },
      clips: { type: 'string' },
      mix: { type: 'string' },
      twelve: { type: 'string' },
      scale: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const scale = positive('scale', values.scale);
  const size = (name: keyof SetSizes): number => {
    const text = values[name];
    return text === undefined ? Math.max(1, Math.round(DEFAULT_SIZES[name] * scale)) : whole(name, text);
  };
  const sizes = {
    ...{ photos: size('photos'), large: size('large'), clips: size('clips'), mix: size('mix') },
    twelve: size('twelve'),
  };
  return { sizes, rounds: whole('rounds', values.rounds), json: values.json };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new Error(`--${name}: expected a number above 0, got "${text}"`);
  return value;
}

function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (!Number.isInteger(value)) throw new Error(`--${name}: expected a whole number, got "${text}"`);
  return value;
}

async function main(): Promise<void> {
  const { sizes, rounds, json } = readOptions();
  const config = loadConfig();
  const folder = path.join(config.home, 'bench');
  await mkdir(folder, { recursive: true });
  const tools = await ensureFfmpeg(config, toStderr);
  toStderr('bench: making sources');
  const sets = await makeSets(folder, tools.ffmpeg, sizes);
  const systems: System[] = [bareLoop(tools)];
  try {
    const queue = await bullmq(folder, tools);
    if (queue) systems.push(queue);
    systems.push(await darkroom(folder, config));
    const rows: Row[] = [];
    for (const set of sets) rows.push(toRow(set, await runInTurn(set, systems, path.join(folder, 'out'), rounds)));
    const about = [machine(), ...systems.flatMap((system) => system.about ?? [])].join('; ');
    process.stdout.write(json ? `${JSON.stringify({ machine: about, rows })}\n` : `${about}\n\n${table(rows)}`);
  } finally {
    for (const system of systems) await system.stop();
  }
}

/** Each round lets every system do the set once, so that a slow minute of the machine hits all alike. */
async function runInTurn(
  set: SourceSet,
  systems: System[],
  output: string,
  rounds: number,
): Promise<Record<string, Sample[]>> {
  const samples: Record<string, Sample[]> = Object.fromEntries(systems.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const system of systems) {
      toStderr(`bench: ${set.name}, round ${round} of ${rounds}, ${system.name}`);
      samples[system.name]?.push(await system.run(set, output));
      await rm(output, { recursive: true, force: true });
    }
  }
  return samples;
}

main().catch((error: unknown) => {
  toStderr(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
