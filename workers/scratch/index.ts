import type { Config } from '../../common/config';
import type { Logger } from '../../common/logger';
import type { Metrics } from '../../common/metrics';
import { thisProcess } from '../../common/this-process';
import { ScratchFolder } from './folder';
import { Leftovers } from './leftovers';
import { ScratchRoom } from './room';

/** ms between two looks at the disk, each of which is a sign of life as well. */
const LOOK_EVERY = 2000;
/** ms between two looks for leftovers. */
const SWEEP_EVERY = 15_000;

/** The scratch disk as this worker process uses it. */
export interface Scratch {
  /** Folder of this process. */
  folder: string;
  room: ScratchRoom;
  /** Folders of dead processes, see {@link Leftovers.find}. */
  leftovers: (remove: boolean) => Promise<{ name: string; bytes: number }[]>;
  /** Removes the folder. */
  close(): Promise<void>;
}

/** Takes a folder of this process's own, removes those of dead processes, and watches the room on the disk. */
export async function openScratch(config: Config, logger: Logger, metrics: Metrics): Promise<Scratch> {
  const self = thisProcess();
  const own = new ScratchFolder(config.scratchDir, self);
  const room = new ScratchRoom(
    own.path,
    () => own.touch(),
    config.scratchMinFree,
    ({ ok, detail }) => {
      metrics.darkroom_scratch_full.set(ok ? 0 : 1);
      if (ok) logger.info('the scratch disk has room again; media work is taken again');
      else logger.error({ detail, folder: config.scratchDir }, 'no media work is taken');
    },
  );
  metrics.darkroom_scratch_full.set(0);
  const leftovers = new Leftovers(config.scratchDir, self);
  const sweep = async (): Promise<void> => {
    try {
      const removed = await leftovers.sweep();
      if (removed.length > 0) logger.warn({ removed }, 'work files of dead processes removed');
    } catch (error) {
      logger.warn({ error }, 'the scratch folder could not be searched for leftovers');
    }
  };
  // Leftovers go first: they may be what fills the disk.
  await own.touch().catch(() => undefined);
  await sweep();
  await room.check();
  const timers = [setInterval(() => void room.check(), LOOK_EVERY), setInterval(() => void sweep(), SWEEP_EVERY)];
  return {
    folder: own.path,
    room,
    leftovers: (remove) => leftovers.find(remove),
    close: async () => {
      timers.forEach(clearInterval);
      await own.remove();
    },
  };
}
