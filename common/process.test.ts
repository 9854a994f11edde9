import { readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProcessError, runProcess } from './process';
import { limitOptions } from './process-limits';

const sh = (script: string) => ['-c', script] as const;

/** True while a process, zombies aside, has this id. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until a process has ended. A dying one closes its pipes, which is what we see, just before it counts as ended. */
async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && alive(pid); tries++) await sleep(20);
  return !alive(pid);
}

async function failure(work: Promise<unknown>): Promise<ProcessError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ProcessError);
  return error as ProcessError;
}

const linux = process.platform === 'linux' ? test : test.skip;

describe('runProcess', () => {
  linux('where memory runs out, what it started goes before us, and so do its children', async () => {
    const ours = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    const { stdout } = await runProcess('sh', sh('sleep 0.3; cat /proc/self/oom_score_adj'));
    expect(Number(stdout)).toBe(Math.min(1000, ours + 500));
  });

  test('gives stdout and the end of stderr', async () => {
    const result = await runProcess('sh', sh('echo out; echo err >&2'));
    expect(result).toEqual({ stdout: 'out\n', stderrTail: 'err', exitCode: 0 });
  });

  test('no shell reads the arguments', async () => {
    const { stdout } = await runProcess('printf', ['%s|', '$HOME', "a'b", '; ls']);
    expect(stdout).toBe("$HOME|a'b|; ls|");
  });

  test('a megabyte on both pipes at once does not block, and only 4 KiB of stderr are kept', async () => {
    const both = 'head -c 1000000 /dev/zero | tr "\\0" e >&2; echo THE END >&2; head -c 1000000 /dev/zero | tr "\\0" o';
    const { stdout, stderrTail } = await runProcess('sh', sh(both));
    expect(stdout).toHaveLength(1_000_000);
    expect(Buffer.byteLength(stderrTail)).toBeLessThanOrEqual(4096);
    expect(stderrTail).toMatch(/e+THE END$/);
  });

  test('lines go to onLine one by one and are not kept', async () => {
    const lines: string[] = [];
    const { stdout } = await runProcess('sh', sh('printf "a\\nb\\r\\nc"'), { onLine: (line) => void lines.push(line) });
    expect([lines, stdout]).toEqual([['a', 'b', 'c'], '']);
  });

  test('an error in onLine ends the process and comes out', async () => {
    const boom = new Error('boom');
    const run = runProcess('sh', sh('echo a; sleep 60'), {
      onLine: () => {
        throw boom;
      },
    });
    await expect(run).rejects.toBe(boom);
  });

  test('another exit code is a failure that carries code and stderr', async () => {
    expect(await failure(runProcess('sh', sh('echo why >&2; exit 3')))).toMatchObject({
      reason: 'exit',
      exitCode: 3,
      signal: null,
      stderrTail: 'why',
    });
  });

  test('a crash carries its signal', async () => {
    expect(await failure(runProcess('sh', sh('kill -SEGV $$')))).toMatchObject({ reason: 'exit', signal: 'SIGSEGV' });
  });

  test('a program that is not there is a spawn failure', async () => {
    expect((await failure(runProcess('/nowhere/tool', []))).reason).toBe('spawn');
  });

  linux('a file that grows beyond its limit ends the process', async () => {
    const run = runProcess('dd', ['if=/dev/zero', `of=${path.join(os.tmpdir(), `fsize-${process.pid}`)}`], {
      fileBytes: 8192,
    });
    expect((await failure(run)).signal).toBe('SIGXFSZ');
    rmSync(path.join(os.tmpdir(), `fsize-${process.pid}`));
  });

  test('more output than allowed ends it', async () => {
    expect((await failure(runProcess('yes', [], { stdoutMaxBytes: 10_000 }))).reason).toBe('output');
  });

  test('too long ends it', async () => {
    expect((await failure(runProcess('sleep', ['60'], { timeoutMs: 100 }))).reason).toBe('timeout');
  });

  test('silence, and lines without progress, are a stall; lines with progress are not', async () => {
    const chatter = 'for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done';
    const options = { stallMs: 400 };
    await expect(runProcess('sh', sh(chatter), { ...options, onLine: () => {} })).resolves.toBeDefined();
    expect((await failure(runProcess('sh', sh(chatter), { ...options, onLine: () => false }))).reason).toBe('stall');
    expect((await failure(runProcess('sleep', ['60'], options))).reason).toBe('stall');
  });

  test('an abort throws its reason, and the whole process group is gone by then', async () => {
    const abort = new AbortController();
    const reason = new Error('cancelled');
    const pids: number[] = [];
    const run = runProcess('sh', sh('sleep 60 & echo $!; echo $$; wait'), {
      signal: abort.signal,
      onLine: (line) => {
        if (pids.push(Number(line)) === 2) abort.abort(reason);
      },
    });
    await expect(run).rejects.toBe(reason);
    expect(await Promise.all(pids.map(gone))).toEqual([true, true]);
  });

  test('a process that ignores SIGTERM gets SIGKILL after the grace', async () => {
    const abort = new AbortController();
    let pid = 0;
    const run = runProcess('sh', sh('trap "" TERM; echo $$; while :; do sleep 0.1; done'), {
      signal: abort.signal,
      killAfterMs: 200,
      onLine: (line) => {
        pid = Number(line);
        abort.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(await gone(pid)).toBe(true);
  });

  test('an abort before the start starts nothing', async () => {
    const signal = AbortSignal.abort(new Error('early'));
    await expect(runProcess('/nowhere/tool', [], { signal })).rejects.toThrow('early');
  });

  test('a child left behind does not keep it waiting', async () => {
    const { stdout } = await runProcess('sh', sh('sleep 60 & echo $!'));
    expect(await gone(Number(stdout))).toBe(true);
  });

  test('our secrets are not handed on', async () => {
    process.env['S3_SECRET_ACCESS_KEY'] = 'canary';
    const { stdout } = await runProcess('env', [], { env: { EXTRA: '1' } });
    delete process.env['S3_SECRET_ACCESS_KEY'];
    expect(stdout).not.toContain('canary');
    expect(stdout).toMatch(/^PATH=/m);
    expect(stdout).toMatch(/^EXTRA=1$/m);
  });

  linux('limits hold in the process', async () => {
    const limits = { memoryBytes: 2 ** 30, cpuSeconds: 7, fileBytes: 4096, openFiles: 64 };
    const { stdout } = await runProcess('cat', ['/proc/self/limits'], limits);
    expect(stdout).toMatch(/Max address space +1073741824/);
    expect(stdout).toMatch(/Max cpu time +7 +12/);
    expect(stdout).toMatch(/Max file size +4096 +4096/);
    expect(stdout).toMatch(/Max open files +64 +64/);
    expect(stdout).toMatch(/Max core file size +0/);
  });
});

test('limits become options of prlimit', () => {
  expect(limitOptions({})).toEqual(['--core=0']);
  expect(limitOptions({ memoryBytes: 1000.5, cpuSeconds: 1.2 })).toEqual(['--core=0', '--as=1000', '--cpu=2:7']);
  expect(limitOptions({ dataBytes: 1000.5 })).toEqual(['--core=0', '--data=1000']);
  expect(limitOptions({ fileBytes: 10.5, openFiles: 64 })).toEqual(['--core=0', '--fsize=11', '--nofile=64']);
});
