import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import sharp from 'sharp';
import { forEachBounded } from '../../common/for-each-bounded';
import { runProcess } from '../../common/process';
import { clipArguments } from './clip';
import { paintLandscape, type Picture } from './landscape';
import { encodePhoto } from './photo';

/** One in twenty is a clip. */
const CLIP_EVERY = 20;
/** px of the pictures that all samples are cut from: enough room for crops that differ. */
const BASE = { width: 2880, height: 1920 } as const;
const DEFAULT_BASES = 4;

export interface SampleOptions {
  /** Made where missing; what is there stays. */
  folder: string;
  count: number;
  /** Path of ffmpeg. */
  ffmpeg: string;
  /** Samples made at once. */
  lanes: number;
  /** Landscapes that the samples are cut from; each takes a second or two to paint. Default 4. */
  bases?: number;
  signal?: AbortSignal;
  /** Told after each sample; `total` counts the missing ones only. */
  onProgress?: (made: number, total: number) => void;
}

export function sampleName(index: number): string {
  const number = String(index).padStart(6, '0');
  return index % CLIP_EVERY === CLIP_EVERY / 2 ? `clip-${number}.mp4` : `photo-${number}.jpg`;
}

/** Paths of the first `count` samples, in order. */
export function* samplePaths(folder: string, count: number): Generator<string> {
  for (let index = 0; index < count; index++) yield path.join(folder, sampleName(index));
}

/**
 * Makes the samples that are not there yet. Each is a file of its own, the same on every machine, and appears whole or
 * not at all. On abort, throws the signal's reason; what was finished stays for the next time.
 */
export async function ensureSamples(options: SampleOptions): Promise<void> {
  const { folder, count, lanes, signal } = options;
  await mkdir(folder, { recursive: true });
  const there = new Set(await readdir(folder));
  const missing: number[] = [];
  for (let index = 0; index < count; index++) if (!there.has(sampleName(index))) missing.push(index);
  if (missing.length === 0) return;
  const studio = new Studio(folder, options.ffmpeg, options.bases ?? DEFAULT_BASES, signal);
  // Several lanes already fill the cores; libvips's own threads on top of them only add switching.
  const threadsBefore = sharp.concurrency(1);
  let made = 0;
  const make = async (index: number): Promise<void> => {
    await studio.make(index);
    options.onProgress?.(++made, missing.length);
  };
  try {
    await forEachBounded(missing, lanes, make, signal);
  } finally {
    await studio.close();
    sharp.concurrency(threadsBefore);
  }
}

/** Keeps the base pictures, which are painted when first needed. */
class Studio {
  private readonly bases = new Map<number, Picture>();
  private readonly stills = new Map<number, Promise<string>>();
  private readonly work: string;

  constructor(
    private readonly folder: string,
    private readonly ffmpeg: string,
    private readonly baseCount: number,
    private readonly signal?: AbortSignal,
  ) {
    this.work = path.join(folder, `.work-${process.pid}`);
  }

  async make(index: number): Promise<void> {
    const name = sampleName(index);
    await mkdir(this.work, { recursive: true });
    const temporary = path.join(this.work, name);
    if (name.endsWith('.mp4')) await this.encodeClip(index, temporary);
    else await writeFile(temporary, await encodePhoto(await this.base(index), index));
    await rename(temporary, path.join(this.folder, name));
  }

  async close(): Promise<void> {
    await rm(this.work, { recursive: true, force: true });
  }

  private async base(index: number): Promise<Picture> {
    const which = index % this.baseCount;
    let picture = this.bases.get(which);
    if (picture === undefined) {
      // Painting holds the thread for a second or two: a Ctrl-C that came before must get through.
      await setImmediate();
      this.signal?.throwIfAborted();
      picture = this.bases.get(which);
    }
    if (picture === undefined) {
      picture = paintLandscape(which + 1, BASE.width, BASE.height);
      this.bases.set(which, picture);
    }
    return picture;
  }

  private async encodeClip(index: number, output: string): Promise<void> {
    const which = Math.floor(index / CLIP_EVERY) % this.baseCount;
    const still = this.stills.get(which) ?? this.writeStill(which);
    this.stills.set(which, still);
    await runProcess(this.ffmpeg, clipArguments(index, await still, output), { signal: this.signal });
  }

  /** A base as a file that ffmpeg can read, in the size that suits a clip. */
  private async writeStill(which: number): Promise<string> {
    const { data, width, height } = await this.base(which);
    const file = path.join(this.work, `still-${which}.jpg`);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .resize({ width: 2400 })
      .jpeg({ quality: 92 })
      .toFile(file);
    return file;
  }
}
