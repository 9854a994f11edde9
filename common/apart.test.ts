import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describeWhere } from '../test/support/only-where';
import { isolation, isolationGap, isolationHas, type Isolation } from './apart';
import { runProcess } from './process';

const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-apart-'));
const secret = path.join(folder, 'secret');
let server: Server;
beforeAll(async () => {
  writeFileSync(secret, 'hush');
  process.env['DARKROOM_WEBHOOK_SECRET_FILE'] = secret;
  server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  delete process.env['DARKROOM_WEBHOOK_SECRET_FILE'];
  server.close();
  rmSync(folder, { recursive: true });
});

/** What a decoder that was taken over would try first. */
const SPY = `
const fs = require('fs');
const attempt = (work) => { try { return work(); } catch ({ code }) { return code; } };
const found = {
  environ: attempt(() => fs.readFileSync('/proc/' + process.ppid + '/environ').length > 0),
  memory: attempt(() => { fs.openSync('/proc/' + process.ppid + '/mem', 'r'); return true; }),
  secret: attempt(() => fs.readFileSync(process.argv[1], 'utf8')),
};
const socket = require('net').connect(Number(process.argv[2]), '127.0.0.1');
const tell = (network) => { console.log(JSON.stringify({ ...found, network })); process.exit(); };
socket.on('connect', () => tell(true)).on('error', ({ code }) => tell(code));`;

async function spy(apart: boolean): Promise<Record<string, unknown>> {
  const args = ['-e', SPY, secret, String((server.address() as AddressInfo).port)];
  return JSON.parse((await runProcess(process.execPath, args, { apart })).stdout) as Record<string, unknown>;
}

const canUnshare = spawnSync('unshare', ['--user', '--net', 'true']).status === 0;
const canMask = spawnSync('unshare', ['-r', '--mount', 'mount', '--bind', '/dev/null', '/etc/hostname']).status === 0;

describeWhere(canUnshare && canMask, 'this system has no user namespaces')('a program that is kept apart', () => {
  test('has no network, and reads neither environment, memory nor secret files of the worker', async () => {
    expect(await spy(true)).toEqual({ environ: 'EACCES', memory: 'EACCES', secret: '', network: 'ENETUNREACH' });
    expect(await isolation()).toEqual({ namespaces: true, secrets: true });
  });

  test('would have all of that otherwise', async () => {
    expect(await spy(false)).toEqual({ environ: true, memory: true, secret: 'hush', network: true });
  });

  test('keeps its process id, ends with a signal like any other, and its limits hold', async () => {
    const { stdout } = await runProcess('sh', ['-c', 'ulimit -n'], { apart: true, openFiles: 77 });
    expect(stdout.trim()).toBe('77');
    await expect(runProcess('sleep', ['60'], { apart: true, timeoutMs: 300 })).rejects.toMatchObject({
      ...{ reason: 'timeout', signal: 'SIGTERM' },
    });
    await expect(runProcess('no-such-program', [], { apart: true })).rejects.toMatchObject({ reason: 'spawn' });
  });
});

test('what there is and what is missing are a sentence each, with what the system says', () => {
  const all = { namespaces: true, secrets: true };
  expect(isolationGap(all)).toBeUndefined();
  expect(isolationHas(all)).toBe(
    'Decoders have no network, and read neither memory nor environment of the worker, nor a file that holds a secret.',
  );
  const unmasked = { namespaces: true, secrets: false, reason: 'sh: 1: mount: not found' };
  expect(isolationHas(unmasked)).toBe(
    'Decoders have no network, and read neither memory nor environment of the worker.',
  );
  expect(isolationGap(unmasked)).toBe(
    'Decoders can read the files that hold secrets: the system lets none be masked (sh: 1: mount: not found).',
  );
  const none = { namespaces: false, secrets: false, reason: 'unshare: unshare failed: Operation not permitted' };
  expect(isolationHas(none)).toBe('Decoders get an environment without secrets.');
  expect(isolationGap(none)).toBe(
    'Decoders have the network and the rights of the worker here: the system allows no user namespaces (unshare: unshare failed: Operation not permitted).',
  );
});

describeWhere(canUnshare, 'this system has no user namespaces')('on a system that lacks programs', () => {
  const bin = mkdtempSync(path.join(os.tmpdir(), 'darkroom-bin-'));
  afterAll(() => rmSync(bin, { recursive: true }));

  /** Tries anew, with no other programs than these. */
  async function found(...programs: string[]): Promise<Isolation> {
    for (const name of programs) {
      const folders = process.env['PATH']!.split(':');
      const file = folders.map((folder) => path.join(folder, name)).find((at) => existsSync(at));
      symlinkSync(file!, path.join(bin, name));
    }
    const { PATH } = process.env;
    process.env['PATH'] = bin;
    try {
      let fresh: Promise<Isolation> | undefined;
      jest.isolateModules(() => {
        fresh = jest.requireActual<typeof import('./apart')>('./apart').isolation();
      });
      return (await fresh)!;
    } finally {
      process.env['PATH'] = PATH;
    }
  }

  test('the worker names what it lacks', async () => {
    expect(await found()).toEqual({ namespaces: false, secrets: false, reason: 'unshare is not installed' });
    const withoutMount = await found('unshare', 'sh', 'seq', 'true', 'setpriv');
    expect(withoutMount).toEqual({
      namespaces: true,
      secrets: false,
      reason: expect.stringMatching(/mount: not found/),
    });
  });
});
