import { statfsSync } from 'node:fs';
import type { Config } from '../common/config';
import { availableCores } from '../common/cores';
import { memoryLimit } from '../common/memory';
import type { MediaPool } from '../common/pools';

/** How many activities of each pool run at once here, how much memory each may take, and how many threads one ffmpeg may use. */
export interface Slots {
  image: number;
  video: number;
  /** Inferences at once. */
  models: number;
  ffmpegThreads: number;
  /** Bytes of one image process. */
  imageBytes: number;
  /** Bytes of one ffmpeg. */
  ffmpegBytes: number;
  /** Bytes of all models that are held in memory. */
  modelBytes: number;
  /** Threads of one inference. */
  modelThreads: number;
}

/** What the slots have to fit in. */
export interface Machine {
  cores: number;
  /** Bytes that the worker and its children may use together. */
  memory: number;
  /** Bytes of a scratch disk that lies in memory and counts there. */
  scratch: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** The worker process itself with idle children; measured: 190 MiB after its start, 300 MiB under load. */
export const WORKER_BYTES = 512 * MIB;

interface Need {
  /** Bytes of one slot at most, where no variable says so. */
  most: number;
  /** Bytes with which every ordinary input can be processed; slots are reduced before a slot gets less. */
  ordinary: number;
  /** Bytes below which a slot is of no use. */
  least: number;
}

/** Memory of one slot. The chart refuses what does not fit by the same numbers (helm/workers/templates/_memory.tpl). */
export const NEEDS = {
  /** Measured: a progressive JPEG of 268 megapixels takes 880 MiB, an AVIF of 64 megapixels 1220 MiB. */
  image: { most: 2 * GIB, ordinary: GIB, least: 512 * MIB },
  /** Measured with two threads: 1080p from 4K takes 430 MiB, 2160p from 8K 1840 MiB. */
  video: { most: 8 * GIB, ordinary: 2 * GIB, least: GIB },
  /** All models together, whatever the slots. */
  models: { most: 8 * GIB, ordinary: GIB, least: GIB },
} as const satisfies Record<MediaPool, Need>;

/** A pool while it is planned. `asked`: by a variable, so that it is not changed. */
interface Share {
  name: string;
  need: Need;
  slots: { count: number; asked: boolean };
  bytes: { each: number; asked: boolean };
}

/**
 * From the configuration, with 0 meaning "from what this process really has": as many slots as cores, fewer where their
 * memory would not fit; each slot as much memory as is left for it.
 * @throws Error with the sum, where what the variables ask for does not fit
 */
export function planSlots(config: Config, machine: Machine = thisMachine(config)): Slots {
  const { cores } = machine;
  const share = (name: string, need: Need, slots: number, bytes: number): Share => ({
    name,
    need,
    slots: { count: slots || cores, asked: slots > 0 },
    bytes: { each: bytes || need.ordinary, asked: bytes > 0 },
  });
  const image = share('image', NEEDS.image, config.imageSlots, config.imageMaxRss);
  const video = share('video', NEEDS.video, config.videoSlots, config.ffmpegMaxMemory);
  // One budget for whatever is loaded.
  const models = share('models', NEEDS.models, 1, config.modelMemory);
  const served = [image, video, models].filter(({ name }) => config.pools.some((pool) => pool === name));
  const room = machine.memory - machine.scratch - WORKER_BYTES;
  fewerSlots(served, room);
  lessEach(served, room);
  if (sum(served) > room) throw new Error(sentence(served, machine));
  moreEach(served, room);
  return {
    image: image.slots.count,
    video: video.slots.count,
    ffmpegThreads: config.ffmpegThreads || Math.max(1, Math.floor(cores / video.slots.count)),
    models: config.modelSlots,
    modelThreads: config.modelThreads || Math.max(1, Math.floor(cores / config.modelSlots)),
    modelBytes: Math.floor(models.bytes.each),
    imageBytes: image.bytes.each,
    ffmpegBytes: video.bytes.each,
  };
}

function sum(shares: Share[]): number {
  return shares.reduce((total, { slots, bytes }) => total + slots.count * bytes.each, 0);
}

/** One slot at a time is taken from the pool that takes the most memory. */
function fewerSlots(shares: Share[], room: number): void {
  while (sum(shares) > room) {
    const [largest] = shares
      .filter(({ slots }) => !slots.asked && slots.count > 1)
      .sort((a, b) => b.slots.count * b.bytes.each - a.slots.count * a.bytes.each);
    if (largest === undefined) return;
    largest.slots.count--;
  }
}

/** Only single slots get less than ordinary: several that are asked for are a mistake to be told. */
function lessEach(shares: Share[], room: number): void {
  const excess = sum(shares) - room;
  const givers = shares.filter(({ slots, bytes }) => !bytes.asked && slots.count === 1);
  const spare = givers.reduce((total, { bytes, need }) => total + bytes.each - need.least, 0);
  if (excess <= 0 || excess > spare) return;
  for (const { bytes, need } of givers) bytes.each -= ((bytes.each - need.least) / spare) * excess;
}

/** What is left is divided by slots, up to what a slot may have at most; images first, since they need less. */
function moreEach(shares: Share[], room: number): void {
  for (const { slots, bytes, need } of shares) {
    if (bytes.asked) continue;
    const left = Math.max(0, room - sum(shares));
    bytes.each = Math.floor(Math.max(bytes.each, Math.min(need.most, bytes.each + left / slots.count)));
  }
}

function sentence(shares: Share[], { memory, scratch }: Machine): string {
  const parts = [
    ...shares.map(
      ({ name, slots, bytes }) => `${slots.count} ${name} slot${slots.count === 1 ? '' : 's'} x ${gib(bytes.each)}`,
    ),
    ...(scratch > 0 ? [`${gib(scratch)} for the scratch disk, which lies in memory`] : []),
    `${gib(WORKER_BYTES)} for the worker itself`,
  ];
  const total = sum(shares) + scratch + WORKER_BYTES;
  return (
    `The memory does not add up: ${parts.join(' + ')} = ${gib(total)}, but ${gib(memory)} may be used. ` +
    'Lower DARKROOM_IMAGE_SLOTS, DARKROOM_VIDEO_SLOTS, DARKROOM_IMAGE_MAX_RSS, DARKROOM_FFMPEG_MAX_MEMORY or DARKROOM_MODEL_MEMORY, or raise the memory limit.'
  );
}

function gib(bytes: number): string {
  return `${Number((bytes / GIB).toFixed(2))} GiB`;
}

function thisMachine({ scratchDir }: Config): Machine {
  return { cores: availableCores(), memory: memoryLimit(), scratch: inMemory(scratchDir) };
}

/** Of a tmpfs, see statfs(2). */
const TMPFS_MAGIC = 0x01021994;

/** Bytes that a scratch disk may take from the memory. */
function inMemory(folder: string): number {
  try {
    const { type, blocks, bsize } = statfsSync(folder);
    return type === TMPFS_MAGIC ? blocks * bsize : 0;
  } catch {
    // Not made yet, so not mounted.
    return 0;
  }
}

/**
 * Threads of libuv's pool: file reads, hashing and DNS of every slot share it, and a slot that waits for a thread looks
 * like a slow disk. libuv knows at most 1024.
 */
export function uvThreads(slots: Pick<Slots, MediaPool>): number {
  return Math.min(1024, Math.max(4, 2 * (slots.image + slots.video + slots.models) + 2));
}
