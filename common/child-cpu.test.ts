import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { testWhere } from '../test/support/only-where';
import { Meter } from './meter';
import { runProcess } from './process';

const onLinux = testWhere(process.platform === 'linux', 'only Linux has /proc');

/** Works until it has used so much CPU time by its own count, then prints the count: seconds. */
const BURN = `
  const wanted = Number(process.argv[1]);
  const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
  while (used() < wanted) for (let i = 0; i < 1e5; i++) Math.sqrt(i);
  console.log(used());
`;

async function burn(seconds: number): Promise<{ own: number; counted: number; peak: number }> {
  const meter = new Meter();
  const { stdout } = await meter.run(() => runProcess(process.execPath, ['-e', BURN, String(seconds)]));
  const [command] = meter.commands;
  return { own: Number(stdout), counted: command?.cpuSeconds ?? NaN, peak: command?.peakBytes ?? NaN };
}

onLinux('each process is counted with what it used itself, also where several run at once', async () => {
  const all = await Promise.all([0.2, 0.5, 0.9].map(burn));
  for (const { own, counted, peak } of all) {
    // The process goes on for a moment when it has printed its count; 10 ms are the system's steps.
    expect(counted).toBeGreaterThanOrEqual(own - 0.05);
    expect(counted).toBeLessThan(own + 0.3);
    expect(peak).toBeGreaterThan(20 * 2 ** 20);
  }
});

/** Ends when the file is there. */
const WAIT = `
  const { existsSync } = require('fs');
  const timer = setInterval(() => existsSync(process.argv[2]) && (clearInterval(timer), console.log(used())), 20);
`;

onLinux('of processes that end at the same time none is lost and none counted twice', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-cpu-'));
  const gate = path.join(folder, 'gate');
  try {
    const meters = Array.from({ length: 4 }, () => new Meter());
    const script = BURN.replace('console.log(used());', WAIT);
    const runs = meters.map((meter) =>
      meter.run(() => runProcess(process.execPath, ['-e', script, '0.2', gate], { timeoutMs: 60_000 })),
    );
    await new Promise((resolve) => setTimeout(resolve, 2000));
    // Nobody waits for those that end while this process is busy: their ends are found all at once.
    writeFileSync(gate, '');
    execFileSync('sleep', ['1']);
    const own = (await Promise.all(runs)).map(({ stdout }) => Number(stdout));
    const total = own.reduce((sum, each) => sum + each, 0);
    const counted = meters.flatMap(({ commands }) => commands.map(({ cpuSeconds = NaN }) => cpuSeconds));
    expect(counted).toHaveLength(4);
    const sum = counted.reduce((all, each) => all + each, 0);
    expect(sum).toBeGreaterThanOrEqual(total - 0.05);
    expect(sum).toBeLessThan(total + 0.8);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('commands show no path of the machine', async () => {
  const meter = new Meter();
  meter.call('/scratch/a', '{work}');
  meter.call('/scratch/a/in', '{source}');
  meter.add(['ffmpeg', '-i', 'file:/scratch/a/in', '/scratch/a/720p.part', 'drawtext=fontfile=/usr/f.ttf:x=1/2'], {});
  expect(meter.commands[0]?.argv).toEqual([
    ...['ffmpeg', '-i', 'file:{source}', '{work}/720p.part', 'drawtext=fontfile={path}:x=1/2'],
  ]);
});
