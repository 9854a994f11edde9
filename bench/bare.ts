/**
 * The bare loop that the other systems are measured against: as many sources at once as there are cores, in this process.
 * No queue, no retry. Run as: node bare.js <list.jsonl> <output folder> <ffmpeg> <ffprobe>; prints {"seconds":…}.
 */
import path from 'node:path';
import { availableCores } from '../common/cores';
import { loadConfig } from '../common/config';
import type { MediaJob } from '../common/contracts';
import { bareRecipe } from './bare-recipe';
import { readList } from './sources';

async function main([list, output, ffmpeg, ffprobe]: string[]): Promise<void> {
  if (list === undefined || output === undefined || ffmpeg === undefined || ffprobe === undefined) {
    throw new Error('usage: bare.js <list.jsonl> <output folder> <ffmpeg> <ffprobe>');
  }
  const recipe = await bareRecipe(loadConfig().presetsDir, { ffmpeg, ffprobe });
  const jobs = await readList(list);
  const started = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) {
      await recipe(jobs[index] as MediaJob, path.join(output, String(index)));
    }
  };
  await Promise.all(Array.from({ length: availableCores() }, lane));
  process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000 }) + '\n');
}

void main(process.argv.slice(2));
