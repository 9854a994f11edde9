import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { built } from '../../common/paths';
import { canMountSmallDisk, mountSmallDisk } from '../../test/support/small-disk';
import { ImagePool, type ImagePoolOptions, type ImageTask } from './pool';

/** Does what the name of its input says; anything else it answers with its pid and environment. */
const MISBEHAVING = `
const outcome = {
  source: { format: 'jpeg', width: 1, height: 1 },
  ...{ files: [], frames: [], placeholder: { thumbhash: '', dominant: '', palette: [] }, warnings: [], timings: {}, startedAt: {} },
};
process.on('disconnect', () => process.exit());
process.on('message', ({ id, task }) => {
  if (task.input === 'hang') return;
  if (task.input === 'nonsense') return process.send({ id, ok: true, outcome: { files: 'all' } });
  if (task.input === 'frames elsewhere') {
    const frames = { name: 'w', file: '/etc/passwd', format: 'mp4', width: 2, height: 2, delays: [100] };
    return process.send({ id, ok: true, outcome: { ...outcome, frames: [frames] } });
  }
  if (/^\\//.test(task.input)) {
    const file = { name: 'w', file: task.input, format: 'webp', mime: 'image/webp', width: 1, height: 1, bytes: 1 };
    return process.send({ id, ok: true, outcome: { ...outcome, files: [{ ...file, sha256: '0'.repeat(64) }] } });
  }
  if (task.input === 'gulp') Buffer.alloc(3 * 2 ** 30);
  if (task.input === 'spin') for (;;);
  if (task.input === 'crash') { console.error('x'.repeat(9000) + 'the last words'); process.abort(); }
  if (task.input === 'exit') process.exit(3);
  if (task.input === 'bloat') { globalThis.kept = []; setInterval(() => kept.push(Buffer.alloc(2 ** 24, 1)), 2); return; }
  const reply = () => process.send({ id, ok: true, outcome: { ...outcome, warnings: [JSON.stringify({ pid: process.pid, env: process.env })] } });
  if (task.input === 'slow') setTimeout(reply, 300); else reply();
});`;

let folder: string;
let pool: ImagePool | undefined;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-pool-'));
  await writeFile(path.join(folder, 'child.js'), MISBEHAVING);
});
afterEach(() => pool?.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

function open(options: Partial<ImagePoolOptions> = {}): ImagePool {
  pool = new ImagePool({
    size: 2,
    timeoutMs: 20_000,
    maxRssBytes: 2 ** 30,
    entry: path.join(folder, 'child.js'),
    ...options,
  });
  return pool;
}

const limits = { maxPixels: 10_000_000, maxFrames: 10 };
const renditions = [{ name: 'w', format: 'webp' as const, width: 32 }];
const task = (input: string): ImageTask => ({
  input,
  outputDir: folder,
  preset: { animation: 'first', colour: 'srgb', renditions },
  limits,
  allowSvg: false,
});

/** What the misbehaving child answers. */
interface Answer {
  pid: number;
  env: Record<string, string>;
}
const ask = async (to: ImagePool, input: string, signal?: AbortSignal) =>
  JSON.parse((await to.run(task(input), signal)).warnings[0]!) as Answer;

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a child that dies at work', () => {
  test.each([
    ['crash', {}, { reason: 'crash', blame: 'input', signal: 'SIGABRT' }, 'crashed'],
    ['exit', {}, { reason: 'exit', blame: 'system', exitCode: 3 }, 'crashed'],
    ['hang', { timeoutMs: 1200 }, { reason: 'timeout', blame: 'input', signal: 'SIGKILL' }, 'longer than 1.2 s'],
    ['spin', { timeoutMs: 1200 }, { reason: 'timeout', blame: 'input', signal: 'SIGKILL' }, 'longer than 1.2 s'],
    ['bloat', { maxRssBytes: 300 * 2 ** 20 }, { reason: 'memory', blame: 'input' }, 'more than 300 MiB'],
  ])(
    '%s: its image fails with the evidence, the one beside it is unharmed',
    async (input, options, evidence, words) => {
      if (input === 'bloat' && process.platform !== 'linux') return;
      const pool = open(options);
      const [failed, other] = await Promise.allSettled([ask(pool, input), ask(pool, 'slow')]);
      expect(failed).toMatchObject({
        status: 'rejected',
        reason: {
          type: 'EncoderFailed',
          message: expect.stringContaining(words),
          details: { childKilled: true, ...evidence },
        },
      });
      expect(other.status).toBe('fulfilled');
      expect((await ask(pool, 'fine')).pid).toBeGreaterThan(0);
    },
  );

  test('keeps the tail of what it printed', async () => {
    const error = await ask(open(), 'crash').catch((reason: unknown) => reason);
    const { stderrTail } = (error as { details: { stderrTail: string } }).details;
    expect(stderrTail).toContain('the last words');
    expect(stderrTail.length).toBeLessThanOrEqual(4096);
  });

  test('says how much memory it had', async () => {
    if (process.platform !== 'linux') return;
    const error = await ask(open({ maxRssBytes: 300 * 2 ** 20 }), 'bloat').catch((reason: unknown) => reason);
    expect((error as { details: { rssBytes: number } }).details.rssBytes).toBeGreaterThan(300 * 2 ** 20);
  });
});

describe('abort', () => {
  test('at work: the reason is thrown after the child is gone', async () => {
    const pool = open();
    const controller = new AbortController();
    const run = ask(pool, 'spin', controller.signal);
    await sleep(200);
    const [pid] = pool.pids();
    controller.abort(new Error('not wanted any more'));
    await expect(run).rejects.toThrow('not wanted any more');
    expect(alive(pid!)).toBe(false);
  });

  test('in the queue: the reason is thrown, the slot stays with its user', async () => {
    const pool = open({ size: 1 });
    const first = ask(pool, 'slow');
    const controller = new AbortController();
    const second = ask(pool, 'fine', controller.signal);
    const third = ask(pool, 'fine');
    controller.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    expect((await first).pid).toBe((await third).pid);
  });

  test('beforehand: no child is started', async () => {
    const pool = open();
    await expect(ask(pool, 'fine', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    expect(pool.pids()).toEqual([]);
  });
});

describe('the children', () => {
  test('are started when needed and used again', async () => {
    const pool = open({ size: 1 });
    expect(pool.pids()).toEqual([]);
    const answers = [await ask(pool, 'fine'), await ask(pool, 'fine')];
    expect(answers[0]!.pid).toBe(answers[1]!.pid);
    expect(pool.stats()).toMatchObject({ size: 1, busy: 0 });
  });

  test('are replaced after so many images', async () => {
    const pool = open({ size: 1, recycleAfter: 1 });
    expect((await ask(pool, 'fine')).pid).not.toBe((await ask(pool, 'fine')).pid);
  });

  test('are replaced when they died while idle', async () => {
    const pool = open({ size: 1 });
    const { pid } = await ask(pool, 'fine');
    process.kill(pid, 'SIGKILL');
    while (alive(pid)) await sleep(5);
    expect((await ask(pool, 'fine')).pid).not.toBe(pid);
  });

  test('are not handed the secrets of their parent', async () => {
    process.env.AWS_SECRET_ACCESS_KEY = 'hush';
    try {
      const { env } = await ask(open(), 'fine');
      expect(Object.values(env)).not.toContain('hush');
      expect(env).toMatchObject({ VIPS_BLOCK_UNTRUSTED: '1', UV_THREADPOOL_SIZE: '2', PATH: process.env.PATH });
    } finally {
      delete process.env.AWS_SECRET_ACCESS_KEY;
    }
  });

  test('are handed no library or certificate of their parent beside those of the image', async () => {
    const [ours, image] = [
      { LD_AUDIT: '/x.so', NODE_EXTRA_CA_CERTS: '/x.pem', NODE_OPTIONS: '--no-warnings' },
      'LD_PRELOAD',
    ];
    Object.assign(process.env, ours, { [image]: '' });
    try {
      const { env } = await ask(open(), 'fine');
      expect(Object.keys(env)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(LD_AUDIT|NODE_)/)]));
      expect(env).toHaveProperty(image);
    } finally {
      for (const name of [...Object.keys(ours), image]) delete process.env[name];
    }
  });

  const linux = process.platform === 'linux' ? test : test.skip;
  linux('get no more memory than they may have, also when they ask for it all at once', async () => {
    const pool = open({ size: 1, maxRssBytes: 2 ** 30 });
    await expect(ask(pool, 'gulp')).rejects.toMatchObject({ type: 'EncoderFailed', details: { childKilled: true } });
    expect((await ask(pool, 'fine')).pid).toBeGreaterThan(0);
  });

  test('are all gone after close, and who waits or works is told', async () => {
    const pool = open({ size: 1 });
    const runs = [ask(pool, 'hang'), ask(pool, 'fine')];
    await sleep(200);
    const pids = pool.pids();
    const results = Promise.allSettled(runs);
    await pool.close();
    expect(pids.filter(alive)).toEqual([]);
    for (const result of await results) expect(result).toMatchObject({ reason: { name: 'AbortError' } });
    await expect(ask(pool, 'fine')).rejects.toThrow('closed');
  });
});

describe('an answer of a child that was taken over', () => {
  const nonsense = {
    type: 'EncoderFailed',
    message: expect.stringMatching(/makes no sense/),
    details: { blame: 'input' },
  };

  test('that has another shape ends the child, and the next image gets a new one', async () => {
    const pool = open({ size: 1 });
    await expect(ask(pool, 'nonsense')).rejects.toMatchObject(nonsense);
    expect((await ask(pool, 'fine')).pid).toBeGreaterThan(0);
  });

  test('that names a file elsewhere, or a link, publishes nothing', async () => {
    const link = path.join(folder, 'link.webp');
    await symlink('/etc/hostname', link);
    await mkdir(path.join(folder, 'deeper'));
    await writeFile(path.join(folder, 'deeper', 'a'), '');
    const elsewhere = [
      '/etc/hostname',
      `${folder}/../../etc/hostname`,
      link,
      path.join(folder, 'deeper', 'a'),
      `${folder}/none`,
      'frames elsewhere',
    ];
    for (const file of elsewhere) await expect(ask(open({ size: 1 }), file)).rejects.toMatchObject(nonsense);
  });
});

describe('the real child', () => {
  const real = { entry: built('media/image/child.js') };
  const photo = async (name: string, side: number) => {
    const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
    const file = path.join(folder, name);
    await sharp({ create: { width: side, height: side, channels: 3, background: '#777', noise } })
      .jpeg()
      .toFile(file);
    return file;
  };

  test('makes renditions', async () => {
    const outcome = await open(real).run(task(await photo('a.jpg', 64)));
    expect(outcome.files).toMatchObject([{ name: 'w', format: 'webp', width: 32, height: 32 }]);
    expect((await readFile(outcome.files[0]!.file)).length).toBe(outcome.files[0]!.bytes);
  });

  test('a folder that cannot be written is a fault of the scratch disk, and the child lives on', async () => {
    const pool = open({ ...real, size: 1 });
    const slow = { name: 'slow', format: 'avif' as const, width: 400, effort: 2 };
    const lost = { ...task(await photo('a.jpg', 600)), outputDir: path.join(folder, 'gone') };
    lost.preset = { ...lost.preset, renditions: [...renditions, slow] };
    await expect(pool.run(lost)).rejects.toMatchObject({ type: 'StorageUnavailable' });
    expect(pool.pids()).toHaveLength(1);
  });

  const onSmallDisk = canMountSmallDisk() ? test : test.skip;
  onSmallDisk('a disk that fills up between two renditions is StorageUnavailable', async () => {
    const full = path.join(folder, 'full');
    const unmount = mountSmallDisk(full, '16k');
    try {
      const slow = { name: 'slow', format: 'avif' as const, width: 400, effort: 2 };
      const large = { ...task(await photo('a.jpg', 600)), outputDir: full };
      large.preset = { ...large.preset, renditions: [{ name: 'p', format: 'png', width: 600, effort: 1 }, slow] };
      await expect(open(real).run(large)).rejects.toMatchObject({
        type: 'StorageUnavailable',
        message: 'The scratch disk is full; the image waits for space.',
      });
    } finally {
      unmount();
    }
  });

  test('sends errors as they are', async () => {
    const text = path.join(folder, 'text.jpg');
    await writeFile(text, 'words');
    await expect(open(real).run(task(text))).rejects.toMatchObject({
      name: 'DarkroomError',
      type: 'UnsupportedMedia',
      message: expect.stringContaining('plain text'),
      details: { format: 'text' },
    });
  });

  test('reads no format but those let in: SVG stays shut after a task that opened it', async () => {
    const pool = open({ ...real, size: 1 });
    const svg = path.join(folder, 'a.svg');
    await writeFile(
      svg,
      '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="9" height="9"/></svg>',
    );
    await expect(pool.run({ ...task(svg), allowSvg: true })).resolves.toMatchObject({ source: { format: 'svg' } });
    await expect(pool.run(task(svg))).rejects.toMatchObject({ type: 'UnsupportedMedia' });
  });

  test('killed in the middle, it takes its own image along only', async () => {
    const pool = open({ ...real, size: 1 });
    const large = task(await photo('large.jpg', 2000));
    large.preset.renditions = [{ name: 'large', format: 'avif', width: 2000, effort: 9 }];
    const run = pool.run(large);
    await sleep(500);
    process.kill(pool.pids()[0]!, 'SIGKILL');
    await expect(run).rejects.toMatchObject({
      type: 'EncoderFailed',
      details: { reason: 'killed', blame: 'system', signal: 'SIGKILL' },
    });
    await expect(access(path.join(folder, 'large.avif'))).rejects.toThrow('ENOENT');
    await expect(pool.run(task(await photo('b.jpg', 64)))).resolves.toMatchObject({ source: { width: 64 } });
  });

  const linux = process.platform === 'linux' ? test : test.skip;
  linux('where memory runs out, it goes before its parent', async () => {
    const pool = open(real);
    await pool.run(task(await photo('c.jpg', 64)));
    const score = async (pid: number | 'self') => Number(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8'));
    expect(await score(pool.pids()[0]!)).toBe(Math.min(1000, (await score('self')) + 500));
  });

  test('ignores Ctrl-C and ends when its parent is gone, even while it encodes', async () => {
    const child = fork(real.entry, [], { env: { PATH: process.env.PATH }, execArgv: [] });
    const large = task(await photo('large.jpg', 2000));
    large.preset.renditions = [{ name: 'large', format: 'avif', width: 2000, effort: 9 }];
    child.send({ id: 1, task: large });
    await sleep(500);
    child.kill('SIGINT');
    await sleep(100);
    expect(alive(child.pid!)).toBe(true);
    child.disconnect();
    const [, signal] = (await once(child, 'exit')) as [number | null, string];
    expect(signal).toBe('SIGKILL');
  });
});
