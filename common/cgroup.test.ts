import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CgroupPlaces } from './cgroup';
import { memoryGroup } from '../test/support/memory-group';
import { availableCores } from './cores';
import { memoryLimit, oomKills } from './memory';
import { built } from './paths';
import { runProcess } from './process';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-cgroup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A made-up /sys/fs/cgroup. */
function places(self: string, files: Record<string, string>): CgroupPlaces {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), `${text}\n`);
  }
  writeFileSync(path.join(folder, 'self'), `${self}\n`);
  return { mount: folder, self: path.join(folder, 'self') };
}

const MIB = 2 ** 20;

describe('version 2', () => {
  test('the least limit of all groups above holds', () => {
    const at = places('0::/pod/container', {
      'pod/container/memory.max': 'max',
      'pod/memory.max': String(700 * MIB),
      'memory.max': String(900 * MIB),
      'pod/container/cpu.max': 'max 100000',
      'pod/cpu.max': '150000 100000',
    });
    expect(memoryLimit(at)).toBe(700 * MIB);
    expect(availableCores(at)).toBe(1);
  });

  test('a container sees its own group as the root, even where the listed path is the host’s', () => {
    const files = { 'memory.max': String(300 * MIB), 'memory.events': 'low 0\noom 3\noom_kill 2\noom_group_kill 0' };
    expect(memoryLimit(places('0::/', files))).toBe(300 * MIB);
    expect(memoryLimit(places('0::/kubepods/pod1/abc', files))).toBe(300 * MIB);
    expect(oomKills(places('0::/', files))).toBe(2);
  });

  test('no limit is the memory of the machine', () => {
    expect(memoryLimit(places('0::/', { 'memory.max': 'max' }))).toBe(os.totalmem());
    expect(memoryLimit(places('', {}))).toBe(os.totalmem());
  });
});

test('version 1 has a hierarchy for each controller, and a number beyond every machine for no limit', () => {
  const at = places('4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/', {
    'memory/a/b/memory.limit_in_bytes': '9223372036854771712',
    'memory/a/memory.limit_in_bytes': String(500 * MIB),
    'memory/a/b/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 4',
    'cpu/c/cpu.cfs_quota_us': '100000',
    'cpu/c/cpu.cfs_period_us': '100000',
    'cpu/cpu.cfs_quota_us': '-1',
  });
  expect(memoryLimit(at)).toBe(500 * MIB);
  expect(oomKills(at)).toBe(4);
  expect(availableCores(at)).toBe(1);
});

const group = memoryGroup(200 * MIB);
const inGroup = group === undefined ? test.skip : test;
afterAll(() => group?.remove());

inGroup(
  'in a real group: its limit is known, and a death for want of memory is told from a kill by a person',
  async () => {
    const script = `
    const { memoryLimit } = require(${JSON.stringify(built('common/memory.js'))});
    const { runProcess } = require(${JSON.stringify(built('common/process.js'))});
    const end = async (command, ...args) => {
      const { signal, oom } = await runProcess(command, args).catch((error) => error);
      return { signal, oom };
    };
    const hog = 'const kept = []; for (;;) kept.push(Buffer.alloc(2 ** 24, 1));';
    (async () => {
      const person = await end('sh', '-c', 'kill -9 $$');
      const kernel = await end(process.execPath, '-e', hog);
      console.log(JSON.stringify({ limit: memoryLimit(), person, kernel }));
    })();`;
    // A shell enters the group and then becomes the program, so that the process of the tests stays outside.
    const enter = `echo $$ > ${group?.procs}; exec "$@"`;
    const { stdout } = await runProcess('sh', ['-c', enter, 'sh', process.execPath, '-e', script]);
    expect(JSON.parse(stdout)).toEqual({
      limit: 200 * MIB,
      person: { signal: 'SIGKILL', oom: false },
      kernel: { signal: 'SIGKILL', oom: true },
    });
  },
);
