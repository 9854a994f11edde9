import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { MediaJob } from '../common/contracts';
import { ensureSamples, samplePaths } from '../local/samples';
import { fileUri } from '../storage';

/** One set of like sources. */
export interface SourceSet {
  name: string;
  /** A `MediaJob` a line, as both sides read it. */
  list: string;
  count: number;
}

export interface SetSizes {
  photos: number;
  large: number;
  clips: number;
}

/** Makes the sources, cached in `folder`: photos of 1920x1280, photos of 12 MP, clips of 1280x720. */
export async function makeSets(folder: string, ffmpeg: string, sizes: SetSizes): Promise<SourceSet[]> {
  const samples = path.join(folder, 'samples');
  // One sample in twenty is a clip.
  const count = Math.max(sizes.clips * 20, Math.ceil((sizes.photos * 20) / 19));
  await ensureSamples({ folder: samples, count, ffmpeg, lanes: 2 });
  const files = [...samplePaths(samples, count)];
  const photos = files.filter((file) => file.endsWith('.jpg')).slice(0, sizes.photos);
  const clips = files.filter((file) => file.endsWith('.mp4')).slice(0, sizes.clips);
  const large = await makeLarge(path.join(folder, 'large'), photos.slice(0, sizes.large));
  return Promise.all([
    writeList(folder, 'photos 1920x1280', 'image', photos),
    writeList(folder, 'photos 12 MP', 'image', large),
    writeList(folder, 'clips 1280x720', 'video', clips),
  ]);
}

/** The same pictures at 4243x2828, as a camera's JPEG. */
async function makeLarge(folder: string, photos: string[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const made: string[] = [];
  for (const photo of photos) {
    const file = path.join(folder, path.basename(photo));
    await sharp(photo).resize({ width: 4243 }).sharpen().jpeg({ quality: 90 }).toFile(file);
    made.push(file);
  }
  return made;
}

async function writeList(folder: string, name: string, kind: MediaJob['kind'], files: string[]): Promise<SourceSet> {
  const list = path.join(folder, `${name.replaceAll(' ', '-')}.jsonl`);
  const jobs = files.map((file) => JSON.stringify({ kind, source: fileUri(file) } satisfies MediaJob));
  await writeFile(list, jobs.join('\n') + '\n');
  return { name, list, count: files.length };
}
