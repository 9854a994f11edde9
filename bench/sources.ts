import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { availableCores } from '../common/cores';
import type { MediaJob } from '../common/contracts';
import { ensureSamples, samplePaths } from '../local/samples';
import { fileUri } from '../storage';

/** One set of like sources. */
export interface SourceSet {
  name: string;
  /** A `MediaJob` a line, as all systems read it. */
  list: string;
  count: number;
}

/** Items of each set. */
export interface SetSizes {
  photos: number;
  large: number;
  clips: number;
  mix: number;
  /** Photos of which twelve renditions are made. */
  twelve: number;
}

/**
 * Rows of about 30 s a system on two cores, so that the start of a run is under 2 % of it, and all three rounds in about
 * 20 minutes.
 */
export const DEFAULT_SIZES: SetSizes = { photos: 350, large: 270, clips: 60, mix: 300, twelve: 120 };

/** Six widths in two formats, as a job brings them along. */
const TWELVE = {
  image: {
    renditions: [320, 480, 640, 960, 1280, 1920].flatMap((width) => [
      { name: `webp-${width}`, format: 'webp', width },
      { name: `jpeg-${width}`, format: 'jpeg', width },
    ]),
  },
};

/** One sample in twenty is a clip, the eleventh of each twenty. */
const CLIP_EVERY = 20;

/**
 * Makes the sources, cached in `folder`: photos of 1920x1280, photos of 12 MP, clips of 1280x720, the mix of
 * `start-batch 2000` (its first samples, in its order), and photos of 1920x1280 with a preset of twelve renditions.
 */
export async function makeSets(folder: string, ffmpeg: string, sizes: SetSizes): Promise<SourceSet[]> {
  const samples = path.join(folder, 'samples');
  const pictures = Math.max(sizes.photos, sizes.large, sizes.twelve);
  const count = Math.max(sizes.clips * CLIP_EVERY, Math.ceil((pictures * CLIP_EVERY) / (CLIP_EVERY - 1)), sizes.mix);
  await ensureSamples({ folder: samples, count, ffmpeg, lanes: availableCores() });
  const files = [...samplePaths(samples, count)];
  const photos = files.filter((file) => file.endsWith('.jpg'));
  const clips = files.filter((file) => file.endsWith('.mp4'));
  const large = await makeLarge(path.join(folder, 'large'), photos.slice(0, sizes.large));
  return Promise.all([
    writeList(folder, 'photos 1920x1280', photos.slice(0, sizes.photos)),
    writeList(folder, 'photos 12 MP', large),
    writeList(folder, 'clips 1280x720', clips.slice(0, sizes.clips)),
    writeList(folder, 'mix of start-batch', files.slice(0, sizes.mix)),
    writeList(folder, '12 renditions', photos.slice(0, sizes.twelve), TWELVE),
  ]);
}

/** The same pictures at 4243x2828, as a camera's JPEG. What is there stays. */
async function makeLarge(folder: string, photos: string[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const made: string[] = [];
  for (const photo of photos) {
    const file = path.join(folder, path.basename(photo));
    made.push(file);
    if (await exists(file)) continue;
    await sharp(photo).resize({ width: 4243 }).sharpen().jpeg({ quality: 90 }).toFile(`${file}.part`);
    await rename(`${file}.part`, file);
  }
  return made;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function writeList(folder: string, name: string, files: string[], preset?: object): Promise<SourceSet> {
  const list = path.join(folder, `${name.replaceAll(' ', '-')}.jsonl`);
  const jobs = files.map((file) => {
    const kind = file.endsWith('.mp4') ? 'video' : 'image';
    return JSON.stringify({ kind, source: fileUri(file), ...(preset && { preset: { ...preset } }) } satisfies MediaJob);
  });
  await writeFile(list, jobs.join('\n') + '\n');
  return { name, list, count: files.length };
}

export async function readList(list: string): Promise<MediaJob[]> {
  const lines = (await readFile(list, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as MediaJob);
}
