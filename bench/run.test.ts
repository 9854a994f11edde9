import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { which } from '../common/config/executables';
import { built } from '../common/paths';
import type { Row } from './table';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, DARKROOM_HOME: folder };
  return spawnSync(process.execPath, [built('bench/run.js'), ...args], { env, encoding: 'utf8' });
}

const withRedis = which('redis-server') === undefined ? test.skip : test;

withRedis(
  'each set goes through the bare loop, BullMQ and Darkroom, every item of it (skipped without redis-server)',
  () => {
    const { status, stdout, stderr } = bench('--scale', '0.005', '--mix', '11', '--rounds', '1', '--json');
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const { rows } = JSON.parse(stdout) as { rows: Row[] };
    expect(rows.map(({ set, items }) => [set, items])).toEqual([
      ['photos 1920x1280', 2],
      ['photos 12 MP', 1],
      ['clips 1280x720', 1],
      ['mix of start-batch', 11],
      ['12 renditions', 1],
    ]);
    for (const { runs, efficiency } of rows) {
      expect(Object.keys(runs)).toEqual(['bare', 'BullMQ', 'Darkroom']);
      expect(Object.keys(efficiency)).toEqual(['BullMQ', 'Darkroom']);
      expect(Object.keys(runs['BullMQ']?.parts ?? {})).toEqual(['worker', 'server', 'client']);
      for (const run of Object.values(runs)) expect(run.cpu).toBeGreaterThan(0);
    }
  },
  240_000,
);

test('a size that is no number is refused before anything starts', () => {
  const { status, stderr } = bench('--photos', 'many');
  expect([status, stderr.trim()]).toEqual([1, '--photos: expected a number above 0, got "many"']);
});
