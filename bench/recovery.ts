/**
 * `npm run bench:recovery`: seconds from a worker's SIGKILL until the step that it held runs again on another worker, for
 * steps that somebody waits for and steps of a batch; then a batch on a machine whose cores are all taken, in which no
 * attempt may be taken for lost. Prints Markdown, and JSON with --json. Never fails on a number.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { availableCores } from '../common/cores';
import { loadConfig } from '../common/config';
import type { SubmitMode } from '../common/contracts';
import { ensureFfmpeg } from '../local/embedded/ffmpeg';
import { toStderr } from '../local/embedded/report';
import { startBurners } from './burners';
import { startFleet, type Fleet, type Held } from './fleet';
import { machine } from './table';

interface Options {
  kills: number;
  items: number;
  json: boolean;
}

/** Seconds from each kill to the next attempt. */
interface Kills {
  held: string;
  mode: SubmitMode;
  load: string;
  seconds: number[];
}

/** What a batch went through. */
interface Endurance {
  items: number;
  steps: number;
  seconds: number;
  heartbeatTimeouts: number;
  otherRepetitions: number;
}

/** Longest time into a step at which its worker is killed, ms. */
const INTO_STEP_MS = 5000;

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '5' },
      items: { type: 'string', default: '50' },
      json: { type: 'boolean', default: false },
    },
  });
  return { kills: Number(values.kills), items: Number(values.items), json: values.json };
}

async function main(): Promise<void> {
  const { kills, items, json } = readOptions();
  const config = loadConfig();
  const folder = path.join(config.home, 'bench', 'recovery');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const tools = await ensureFfmpeg(config, toStderr);
  const fleet = await startFleet(folder, tools.ffmpeg);
  const rows: Kills[] = [];
  try {
    for (const load of ['none', 'all cores taken twice']) {
      const burners = startBurners(load === 'none' ? 0 : 2 * availableCores());
      for (const held of ['image', 'video', 'workflow task'] as const) {
        for (const mode of ['interactive', 'batch'] as const) {
          toStderr(`bench: ${held}, ${mode}, load: ${load}`);
          rows.push({ held, mode, load, seconds: await killTimes(fleet, held, mode, kills) });
        }
      }
      burners.stop();
    }
    toStderr(`bench: ${items} items while all cores are taken twice`);
    const endurance = await endure(fleet, items);
    process.stdout.write(
      json ? `${JSON.stringify({ machine: machine(), rows, endurance })}\n` : report(rows, endurance),
    );
  } finally {
    await fleet.stop();
  }
}

/** One item after the other, its worker killed at another moment each time. */
async function killTimes(fleet: Fleet, held: Held, mode: SubmitMode, count: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let kill = 0; kill < count; kill++) {
    const item = await fleet.submit(held, mode);
    // A workflow task takes milliseconds: at once, and a little later.
    const into = held === 'workflow task' ? 8 * kill : ((kill + 0.5) / count) * INTO_STEP_MS;
    if (held !== 'workflow task') await item.running();
    await sleep(into);
    seconds.push(await item.killAndWait());
  }
  return seconds;
}

/** A batch of photos and clips on a machine that has twice as much to do as it has cores, beside the batch itself. */
async function endure(fleet: Fleet, items: number): Promise<Endurance> {
  const burners = startBurners(2 * availableCores());
  const started = performance.now();
  try {
    const ends = await fleet.batch(items);
    const sum = (of: (end: (typeof ends)[number]) => number) => ends.reduce((total, end) => total + of(end), 0);
    return {
      items,
      steps: sum(({ steps }) => steps),
      seconds: (performance.now() - started) / 1000,
      heartbeatTimeouts: sum(({ heartbeatTimeouts }) => heartbeatTimeouts),
      otherRepetitions: sum(({ otherRepetitions }) => otherRepetitions),
    };
  } finally {
    burners.stop();
  }
}

function report(rows: Kills[], { items, steps, seconds, heartbeatTimeouts, otherRepetitions }: Endurance): string {
  const lines = rows.map(({ held, mode, load, seconds: times }) => {
    const sorted = times.toSorted((a, b) => a - b).map((time) => time.toFixed(1));
    return `| ${held} | ${mode} | ${load} | ${sorted.join(', ')} |`;
  });
  return [
    machine(),
    '',
    '| the killed worker held | mode | other load | runs again after (s) |',
    '| - | - | - | - |',
    ...lines,
    '',
    `${items} items, ${steps} steps in ${seconds.toFixed(0)} s with all cores taken twice by others: ` +
      `${heartbeatTimeouts} heartbeat timeouts, ${otherRepetitions} other repetitions.`,
    '',
  ].join('\n');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
