import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { DependencyState } from '../../common/health';
import { startOf, thisProcess, type ProcessIdentity } from '../../common/this-process';
import { canMountSmallDisk, mountSmallDisk } from '../../test/support/small-disk';
import { folderName, ownerOf, ScratchFolder } from './folder';
import { Leftovers } from './leftovers';
import { leastFree, ScratchRoom, type DiskFacts } from './room';
import { SlotsWithRoom } from './slots';

const MIB = 2 ** 20;
const linux = process.platform === 'linux' ? test : test.skip;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'darkroom-scratch-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('folders of processes', () => {
  const self = thisProcess();
  const elsewhere: ProcessIdentity = { boot: 'beef', namespace: '7', pid: 1, started: '5' };
  const folderOf = async (owner: ProcessIdentity): Promise<ScratchFolder> => {
    const folder = new ScratchFolder(root, owner);
    await folder.touch();
    await writeFile(path.join(folder.path, 'pixels'), 'x');
    return folder;
  };

  test('a name says whose it is, and other names are nobody’s', () => {
    expect(ownerOf(folderName(self))).toEqual(self);
    expect(ownerOf('worker-')).toBeUndefined();
    expect(ownerOf('photos')).toBeUndefined();
  });

  linux(
    'of a process that has ended it goes at the first look; that of a living one stays, also while it is frozen',
    async () => {
      const child = spawn('sleep', ['300']);
      const pid = child.pid ?? 0;
      await folderOf(self);
      await folderOf({ ...self, pid, started: startOf(pid) ?? '' });
      process.kill(pid, 'SIGSTOP');
      const leftovers = new Leftovers(root, self);
      for (let look = 0; look < 10; look++) expect(await leftovers.sweep()).toEqual([]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await leftovers.sweep()).toHaveLength(1);
      expect(await readdir(root)).toEqual([folderName(self)]);
    },
  );

  linux(
    'a look that removes nothing names what is left; looks among neighbours are none at other containers',
    async () => {
      await folderOf({ ...self, started: '1' });
      await folderOf(elsewhere);
      const [dead, other] = [folderName({ ...self, started: '1' }), folderName(elsewhere)];
      const leftovers = new Leftovers(root, self);
      for (let look = 0; look < 10; look++) expect(await leftovers.find(false)).toEqual([{ name: dead, bytes: 1 }]);
      expect((await readdir(root)).sort()).toEqual([dead, other].sort());
      expect(await leftovers.find(true)).toEqual([{ name: dead, bytes: 1 }]);
      expect(await leftovers.sweep()).toEqual([]);
      expect(await readdir(root)).toEqual([other]);
    },
  );

  linux('a later process with the same id does not keep it', async () => {
    await folderOf({ ...self, started: '1' });
    expect(await new Leftovers(root, self).sweep()).toHaveLength(1);
  });

  test('of a process in another container it goes only after looks in a row without a sign of life', async () => {
    const alive = await folderOf(elsewhere);
    await folderOf({ ...elsewhere, pid: 2 });
    const leftovers = new Leftovers(root, self);
    const removed: string[][] = [];
    for (let look = 0; look < 12; look++) {
      // Signs of life by a clock that stands years behind.
      const then = new Date(2001, 0, 1, 0, 0, look);
      await utimes(path.join(alive.path, 'alive'), then, then);
      removed.push(await leftovers.sweep());
    }
    expect(removed.map(({ length }) => length)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(await readdir(root)).toEqual([folderName(elsewhere)]);
  });

  test('what is not a worker’s folder is never touched', async () => {
    await mkdir(path.join(root, 'holiday'));
    await writeFile(path.join(root, folderName(elsewhere)), 'a file of that name');
    const leftovers = new Leftovers(root, self);
    for (let look = 0; look < 10; look++) expect(await leftovers.sweep()).toEqual([]);
    expect(await readdir(root)).toHaveLength(2);
  });

  test('a folder that somebody removed is made again with the next sign of life', async () => {
    const folder = await folderOf(self);
    await folder.remove();
    await folder.touch();
    expect(await readdir(folder.path)).toEqual(['alive']);
  });
});

/** A disk of 10 GiB with the given room, for machines where none may be mounted. */
function disk(freeMib: () => number): () => Promise<DiskFacts> {
  return () => Promise.resolve({ bsize: MIB, blocks: 10_240, bavail: freeMib(), files: 0, ffree: 0 });
}

describe('room', () => {
  test('a small disk needs a tenth of itself', () => {
    expect(leastFree({ bsize: 1, blocks: 100 * MIB }, 256 * MIB)).toBe(10 * MIB);
    expect(leastFree({ bsize: MIB, blocks: 10_240 }, 256 * MIB)).toBe(256 * MIB);
  });

  test('each change is told once, and full ends only with some more room than it begins with', async () => {
    let free = 300;
    const told: DependencyState[] = [];
    const note = (state: DependencyState): void => void told.push(state);
    const room = new ScratchRoom(
      root,
      () => Promise.resolve(),
      256 * MIB,
      note,
      disk(() => free),
    );
    const check = (mib: number): Promise<boolean> => {
      free = mib;
      return room.check();
    };
    expect(await check(300)).toBe(true);
    expect(await check(255)).toBe(false);
    expect(await check(0)).toBe(false);
    expect(await check(260)).toBe(false);
    expect(await check(320)).toBe(true);
    expect(told).toEqual([
      { ok: false, detail: 'The scratch disk is full: 255 MiB free, 256 MiB needed.' },
      { ok: true },
    ]);
  });

  test('a folder that cannot be made closes it too', async () => {
    const fail = (): Promise<void> => Promise.reject(new Error('read-only file system'));
    const room = new ScratchRoom(root, fail, MIB, () => undefined);
    expect(await room.check()).toBe(false);
    expect(room.state.detail).toBe('The scratch folder cannot be used: read-only file system.');
  });

  test('what is kept for later goes before the disk counts as full, and the disk is full when that is not enough', async () => {
    let [free, kept] = [300, 100];
    const told: DependencyState[] = [];
    const room = new ScratchRoom(
      root,
      () => Promise.resolve(),
      256 * MIB,
      (state) => void told.push(state),
      disk(() => free),
    );
    room.makeRoom = () => {
      [free, kept] = [free + kept, 0];
      return Promise.resolve();
    };
    expect(await room.check()).toBe(true);
    expect(kept).toBe(100);
    free = 200;
    expect(await room.check()).toBe(true);
    expect([free, kept, told]).toEqual([300, 0, []]);
    free = 200;
    expect(await room.check()).toBe(false);
    expect(told).toHaveLength(1);
  });

  const onSmallDisk = canMountSmallDisk() ? test : test.skip;
  onSmallDisk('a real disk that is full has none, and has some when a file goes', async () => {
    const unmount = mountSmallDisk(root, '4m');
    try {
      const folder = new ScratchFolder(root);
      const room = new ScratchRoom(
        folder.path,
        () => folder.touch(),
        256 * MIB,
        () => undefined,
      );
      expect(await room.check()).toBe(true);
      await writeFile(path.join(root, 'ballast'), Buffer.alloc(4 * MIB)).catch(() => undefined);
      expect(await room.check()).toBe(false);
      await rm(path.join(root, 'ballast'));
      expect(await room.check()).toBe(true);
    } finally {
      unmount();
    }
  });
});

describe('slots', () => {
  const never = new AbortController().signal;
  const open = (free: () => number): [SlotsWithRoom, ScratchRoom] => {
    const room = new ScratchRoom(
      root,
      () => Promise.resolve(),
      256 * MIB,
      () => undefined,
      disk(free),
    );
    return [new SlotsWithRoom(2, room), room];
  };
  const settled = (work: Promise<unknown>): Promise<boolean> =>
    Promise.race([work.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100))]);

  test('no more than there are; the next in line gets the one that is given back', async () => {
    const [slots] = open(() => 1000);
    await slots.reserveSlot({}, never);
    await slots.reserveSlot({}, never);
    expect(slots.tryReserveSlot()).toBeNull();
    const third = slots.reserveSlot({}, never);
    expect(await settled(third)).toBe(false);
    slots.releaseSlot();
    await third;
    expect(slots.tryReserveSlot()).toBeNull();
  });

  test('none while there is no room, at once when there is', async () => {
    let free = 0;
    const [slots, room] = open(() => free);
    const waiting = slots.reserveSlot({}, never);
    expect(await settled(waiting)).toBe(false);
    expect(slots.tryReserveSlot()).toBeNull();
    free = 1000;
    await room.check();
    await waiting;
  });

  test('a reservation that is no longer wanted ends with the reason of its signal and takes no slot', async () => {
    let free = 0;
    const [slots, room] = open(() => free);
    const controller = new AbortController();
    const left = slots.reserveSlot({}, controller.signal);
    expect(await settled(left.catch(() => undefined))).toBe(false);
    controller.abort(new Error('shutting down'));
    await expect(left).rejects.toThrow('shutting down');
    free = 1000;
    await room.check();
    await slots.reserveSlot({}, never);
    await slots.reserveSlot({}, never);
    const late = slots.reserveSlot({}, AbortSignal.timeout(20));
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
