import { EventEmitter, once } from 'node:events';
import { statfs } from 'node:fs/promises';
import type { DependencyState } from '../../common/health';

/** What a file system says about its room; see statfs(2). */
export interface DiskFacts {
  bsize: number;
  blocks: number;
  bavail: number;
  files: number;
  ffree: number;
}

/** Of a small disk at most this part has to be free. */
const SHARE = 0.1;
/** Full ends only when this much more is free than full begins with, so that it does not flicker. */
const HYSTERESIS = 1.25;
/** Files that have to fit, where the file system counts them. */
const MIN_FILES = 100;

/** Bytes of a disk below which it counts as full: `minFree`, or a tenth of a small disk. */
export function leastFree(disk: Pick<DiskFacts, 'blocks' | 'bsize'>, minFree: number): number {
  return Math.min(minFree, disk.blocks * disk.bsize * SHARE);
}

/** Whether the scratch disk has room for another item; media work is taken only while it has. */
export class ScratchRoom {
  private readonly events = new EventEmitter();
  private problem: string | undefined;
  /** Removes what is not needed at once; called before the disk counts as full. */
  makeRoom?: () => Promise<void>;

  /**
   * @param prepare makes the folder and shows a sign of life; what it throws closes the disk
   * @param minFree bytes
   */
  constructor(
    private readonly folder: string,
    private readonly prepare: () => Promise<void>,
    private readonly minFree: number,
    private readonly onChange: (state: DependencyState) => void,
    private readonly look: (folder: string) => Promise<DiskFacts> = statfs,
  ) {
    this.events.setMaxListeners(0);
  }

  get state(): DependencyState {
    return this.problem === undefined ? { ok: true } : { ok: false, detail: this.problem };
  }

  /** Looks at the disk now. @returns true while there is room */
  async check(): Promise<boolean> {
    const before = this.problem;
    let problem = await this.examine();
    if (problem !== undefined && this.makeRoom) {
      await this.makeRoom().catch(() => undefined);
      problem = await this.examine();
    }
    this.problem = problem;
    const open = this.problem === undefined;
    if (open !== (before === undefined)) this.onChange(this.state);
    if (open) this.events.emit('open');
    return open;
  }

  /** Returns when there is room. @throws the signal's reason */
  async wait(signal: AbortSignal): Promise<void> {
    while (!(await this.check())) {
      signal.throwIfAborted();
      await once(this.events, 'open', { signal }).catch(() => signal.throwIfAborted());
    }
    signal.throwIfAborted();
  }

  private async examine(): Promise<string | undefined> {
    try {
      await this.prepare();
      const disk = await this.look(this.folder);
      const free = disk.bavail * disk.bsize;
      const needed = leastFree(disk, this.minFree) * (this.problem === undefined ? 1 : HYSTERESIS);
      if (free < needed) return `The scratch disk is full: ${mib(free)} free, ${mib(needed)} needed.`;
      if (disk.files > 0 && disk.ffree < MIN_FILES) return `The scratch disk has no room for more files.`;
      return undefined;
    } catch (error) {
      return `The scratch folder cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
    }
  }
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
