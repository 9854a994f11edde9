import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from '../../common/paths';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { toStderr } from '../../local/embedded/report';
import { ensureSamples, sampleName } from '../../local/samples';
import type { System } from './system';

/** What one command of ours came to. */
export interface Ended {
  code: number | null;
  stdout: string;
}

/** Runs `npm run <command>` as npm would, in this system. Its progress goes to stderr. */
export function runCli({ env }: System, command: string, args: string[], stop?: AbortSignal): Promise<Ended> {
  const child = spawn(process.execPath, [built(`starter/cli/${command}.js`), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  stop?.addEventListener('abort', () => child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout }));
  });
}

/** `npm run start-batch <count>`, for workers that run beside it. */
export function startBatch(system: System, count: number, stop: AbortSignal): Promise<Ended> {
  return runCli(system, 'start-batch', [String(count), '--json', '--shared-files'], stop);
}

/** The samples that `submitByApi` speaks of: a photo, a clip and a file that is no picture. */
export async function makeApiSamples({ config }: System): Promise<void> {
  const folder = path.join(config.home, 'samples');
  const { ffmpeg } = await ensureFfmpeg(config, toStderr);
  await ensureSamples({ folder, count: 11, ffmpeg, lanes: 1, bases: 1 });
  await writeFile(path.join(folder, 'none.jpg'), 'not a picture');
}

/**
 * What somebody's service does: single jobs, good ones, a file that is none, and a preset that does not exist. Again and
 * again with another `round`, since a rate needs two looks; a clip in the first rounds only, for it takes seconds.
 */
export async function submitByApi({ apiUrl, config }: System, round: number): Promise<void> {
  const job = (id: string, file: string): object => ({ id, source: `file://${config.home}/samples/${file}` });
  const photo = sampleName(1);
  const jobs = [
    job(`photo-${round}`, photo),
    job(`none-${round}`, 'none.jpg'),
    { ...job('x', photo), preset: 'nonsense' },
  ];
  if (round <= 3) jobs.push(job(`clip-${round}`, sampleName(10)));
  for (const body of jobs) {
    const response = await fetch(`${apiUrl}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
  }
}
